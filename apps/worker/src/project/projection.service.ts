import { Logger } from '@nestjs/common';
import { migrateReadModels, openReadModels, Projector, type ReadModels } from '@darkroom/read-models';
import { JetStreamLogReader, type Broker } from '@darkroom/events';
import type { Metrics } from '@darkroom/observability';

/** Time limit of one statement: a batch of a few hundred events takes some 50 ms. Milliseconds. */
const BATCH_TIMEOUT_MS = 30_000;

/** Runs the projector for as long as the worker runs. */
export class ProjectionService {
  readonly #logger = new Logger('Projection');
  readonly #stopping = new AbortController();
  readonly #reader: JetStreamLogReader;
  #readModels: ReadModels | undefined;
  #projector: Projector | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    broker: Broker,
    private readonly databaseUrl: string,
    private readonly metrics: Metrics,
  ) {
    this.#reader = new JetStreamLogReader(broker);
  }

  /** @param onEnd told when projecting on would make the read models wrong: somebody has to decide */
  start(onEnd: (error: Error) => void): void {
    this.#running = this.#run().catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) onEnd(error instanceof Error ? error : new Error(String(error)));
    });
  }

  /** Both are left out while they are unknown: before the tables are there, and while the log is away. */
  async observeLag(): Promise<void> {
    const { projectionLagEvents, projectionLagSeconds } = this.metrics;
    const projection = 'read_models';
    projectionLagEvents.reset();
    projectionLagSeconds.reset();
    if (!this.#projector) return;
    const { position } = this.#projector;
    const { last } = await this.#reader.identify();
    const next = last > position ? await this.#reader.timeAfter(position) : null;
    projectionLagEvents.set({ projection }, Math.max(0, last - position));
    projectionLagSeconds.set({ projection }, next ? Math.max(0, Date.now() - next.getTime()) / 1_000 : 0);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#readModels?.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const url = this.databaseUrl;
    const onWarning = (message: string): void => this.#logger.warn(message);
    await migrateReadModels({ url, signal, onWarning });
    this.#readModels = await openReadModels({ url, poolSize: 4, timeoutMs: BATCH_TIMEOUT_MS, onWarning });
    this.#projector = new Projector({ em: this.#readModels.em, reader: this.#reader, logger: this.#logger });
    await this.#projector.run(signal);
  }
}
