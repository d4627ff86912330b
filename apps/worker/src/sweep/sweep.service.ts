import { Logger } from '@nestjs/common';
import { SweepRecords, type Broker } from '@darkroom/events';
import type { Metrics } from '@darkroom/observability';
import { setTimeout as delay } from 'node:timers/promises';
import type { Net } from './net.js';

/** Goes through every net, again and again, for as long as the worker runs. Of all workers one does so at a time. */
export class SweepService {
  readonly #logger = new Logger('Sweep');
  readonly #stopping = new AbortController();
  readonly #interrupted = new Map<string, string>();
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly broker: Broker,
    private readonly nets: readonly Net[],
    private readonly metrics: Metrics,
    private readonly everyMs: number,
  ) {
    for (const { name: net } of nets)
      for (const outcome of ['done', 'interrupted']) metrics.sweeps.inc({ net, outcome }, 0);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      // Jitter: workers that were started together do not all ask at once whose turn it is.
      await delay(this.everyMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
      if (signal.aborted || !(await this.#isOurTurn())) continue;
      for (const net of this.nets) await this.#sweep(net, signal);
    }
  }

  async #isOurTurn(): Promise<boolean> {
    try {
      return await (await SweepRecords.open(this.broker)).takeTurn(new Date(), this.everyMs);
    } catch (error) {
      this.#logger.debug(`No sweep: ${String(error)}`);
      return false;
    }
  }

  /** One net that cannot be gone through is told, once, and keeps nobody from the others. */
  async #sweep(swept: Net, signal: AbortSignal): Promise<void> {
    const { name: net } = swept;
    try {
      await swept.sweep(signal);
      this.metrics.sweeps.inc({ net, outcome: 'done' });
      if (this.#interrupted.delete(net)) this.#logger.log(`Sweeping ${net} again`);
    } catch (error) {
      if (signal.aborted) return;
      this.metrics.sweeps.inc({ net, outcome: 'interrupted' });
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#interrupted.get(net) === reason) return;
      this.#interrupted.set(net, reason);
      this.#logger.warn(`The sweep of ${net} waits: ${reason}`);
    }
  }
}
