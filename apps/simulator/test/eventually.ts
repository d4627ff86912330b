import { setTimeout as delay } from 'node:timers/promises';

/** Asks again until the answer is what is waited for; fails with the last answer after `limitMs`. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  fits: (answer: T) => boolean,
  limitMs = 10_000,
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (Date.now() > end) throw new Error(`Not within ${limitMs} ms, but: ${JSON.stringify(answer)}`);
    await delay(20);
  }
}
