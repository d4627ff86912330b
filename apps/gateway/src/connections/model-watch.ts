import type { ModelSwitches } from '@darkroom/domain';
import { EventStoreError, type ModelSwitchboard } from '@darkroom/events';
import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';

/** Pause before it is watched again. Milliseconds: a switch has to be in force within a second of its being known. */
const PAUSE_MS = 250;

/** Keeps a gateway told of what operators have switched. While that cannot be known, the last that was known holds. */
export class ModelWatch {
  readonly #logger = new Logger('ModelWatch');
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();

  /**
   * @param switchboard of the present connection; throws EventStoreError while there is none
   * @param onSwitches hears what is switched, at first and whenever that has changed, or may have
   * @param lookEveryMs of `ModelSwitchboard.watch`; tests shorten it
   */
  constructor(
    private readonly switchboard: () => Pick<ModelSwitchboard, 'watch'>,
    private readonly onSwitches: (switches: ModelSwitches) => void,
    private readonly lookEveryMs?: number,
  ) {}

  /** Never throws; call once. */
  start(): void {
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        for await (const switches of this.switchboard().watch(signal, this.lookEveryMs)) this.onSwitches(switches);
      } catch (error) {
        // That the log is away is told by the health checks.
        if (!(error instanceof EventStoreError)) this.#logger.error({ err: error }, 'Switches of models are not heard');
      }
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
