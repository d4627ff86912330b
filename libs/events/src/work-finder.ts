import type { Broker } from './connect.js';
import { readError } from './jetstream-event-store.js';
import { WORK_STREAM, workOf } from './subjects.js';

/** Looks into the work queue for what there is of a generation: waiting, scheduled, in a user's line or in a worker's hands. */
export class WorkFinder {
  constructor(private readonly broker: Broker) {}

  /** Every generation of which there is work at this moment. @throws EventStoreError `unavailable` */
  async all(): Promise<ReadonlySet<string>> {
    return new Set((await this.#subjects(['>'])).map((subject) => subject.slice(subject.lastIndexOf('.') + 1)));
  }

  /** Whether there is work of this generation. @throws EventStoreError `unavailable` */
  async has(generationId: string): Promise<boolean> {
    return (await this.#subjects(workOf(generationId))).length > 0;
  }

  async #subjects(filters: readonly string[]): Promise<string[]> {
    try {
      this.broker.assertConnected();
      const { streams } = this.broker.manager;
      const infos = await Promise.all(filters.map((subjects_filter) => streams.info(WORK_STREAM, { subjects_filter })));
      return infos.flatMap(({ state }) => Object.keys(state.subjects ?? {}));
    } catch (error) {
      throw readError(error);
    }
  }
}
