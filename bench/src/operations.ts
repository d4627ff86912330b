import { percentile } from './statistics.js';

/** Carries out `count` operations, `concurrency` of them at any moment; operations per second. */
export async function rate(count: number, concurrency: number, operation: () => Promise<unknown>): Promise<number> {
  let left = count;
  const began = performance.now();
  const work = async (): Promise<void> => {
    while (left-- > 0) await operation();
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return count / ((performance.now() - began) / 1_000);
}

/** Carries out `count` operations one after the other; milliseconds that the middle one takes. */
export async function latency(count: number, operation: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let done = 0; done < count; done++) {
    const began = performance.now();
    await operation();
    times.push(performance.now() - began);
  }
  return percentile(times, 0.5);
}
