import { ACK_WAIT_MS, ChaosSystem, type Fallen } from './chaos-system.js';
import { checkAll } from './check/check-all.js';
import type { Evidence, Violation } from './check/evidence.js';
import { Customers, type Counters } from './customers.js';
import { gather } from './gather.js';
import { LogCopy } from './log-copy.js';
import { misdeedsOf } from './misdeed-plan.js';
import { commitAll, type Deed } from './misdeeds.js';
import { mixOf, PACE } from './mix.js';
import { settle } from './settle.js';
import { SourceImages } from './source-images.js';

export interface RunOptions {
  readonly seed: number;
  readonly generations: number;
  readonly kills: number;
}

export interface RunResult {
  readonly options: RunOptions;
  readonly counters: Counters;
  readonly deeds: readonly Deed[];
  readonly fallen: readonly Fallen[];
  /** What was waited for in vain. */
  readonly left: readonly string[];
  readonly evidence: Evidence;
  readonly violations: readonly Violation[];
  readonly seconds: { readonly chaos: number; readonly settling: number; readonly all: number };
  /** The end of what the processes said. */
  readonly words: string;
}

/** One run: a whole system of its own, a mix of requests, misdeeds among them, and then the truth. */
export async function chaosRun(options: RunOptions): Promise<RunResult> {
  const began = performance.now();
  const since = (start: number) => (performance.now() - start) / 1_000;
  const system = await ChaosSystem.start();
  const log = await LogCopy.of(system.nats.url);
  const sources = await SourceImages.start();
  const closing = new AbortController();
  let served: Promise<void> | undefined;
  try {
    const customers = new Customers(system, log, sources, closing.signal);
    const { seed, generations, kills } = options;
    const span = (generations / PACE) * 1_000;
    const started = performance.now();
    let isBusy = true;
    served = customers.carryOutAll(mixOf(seed, generations)).finally(() => (isBusy = false));
    const deeds = await commitAll(system, misdeedsOf({ seed, kills, span, ackWaitMs: ACK_WAIT_MS }));
    const chaos = since(started);
    const settling = performance.now();
    const left = await settle(system, log, () => isBusy);
    closing.abort();
    await served;
    const seconds = { chaos, settling: since(settling) };
    const evidence = await gather(system, customers.accepted, log);
    return {
      options,
      counters: customers.counters,
      deeds,
      fallen: system.fallen,
      left,
      evidence,
      violations: checkAll(evidence),
      seconds: { ...seconds, all: since(began) },
      words: system.words(),
    };
  } finally {
    closing.abort();
    // What failed is told by the error that led here.
    await served?.catch(() => undefined);
    await log.close();
    await sources.stop();
    await system.stop();
  }
}
