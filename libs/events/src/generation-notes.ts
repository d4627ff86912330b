import { Kvm, type KV } from '@nats-io/kv';
import type { Broker } from './connect.js';
import { readError } from './jetstream-event-store.js';
import { bucketStream, CONTROL_BUCKET, keySubject } from './subjects.js';

/** A note on each of some generations, in CONTROL. Written through at once, whatever becomes of the work queue. */
export class GenerationNotes {
  private constructor(
    private readonly broker: Broker,
    private readonly bucket: KV,
    private readonly keyOf: (generationId: string) => string,
  ) {}

  /** @param keyOf a key of which the id is the last of its parts */
  static async open(broker: Broker, keyOf: (generationId: string) => string): Promise<GenerationNotes> {
    return new GenerationNotes(broker, await new Kvm(broker.jetstream).open(CONTROL_BUCKET), keyOf);
  }

  /** Null when there is none. @throws EventStoreError `unavailable` */
  async read(generationId: string): Promise<string | null> {
    const entry = await this.#reaching(() => this.bucket.get(this.keyOf(generationId)));
    return entry?.operation === 'PUT' ? entry.string() : null;
  }

  /** @throws EventStoreError `unavailable` */
  async write(generationId: string, text: string): Promise<void> {
    await this.#reaching(() => this.bucket.put(this.keyOf(generationId), text));
  }

  /** Harmless when there is none. @throws EventStoreError `unavailable` */
  async remove(generationId: string): Promise<void> {
    // Not the bucket's own purge: that leaves a marker for ever, one for each generation.
    const filter = keySubject(CONTROL_BUCKET, this.keyOf(generationId));
    await this.#reaching(() => this.broker.manager.streams.purge(bucketStream(CONTROL_BUCKET), { filter }));
  }

  /** The generations of which there is one. @throws EventStoreError `unavailable` */
  async ids(): Promise<string[]> {
    const subjects_filter = keySubject(CONTROL_BUCKET, this.keyOf('*'));
    const { state } = await this.#reaching(() =>
      this.broker.manager.streams.info(bucketStream(CONTROL_BUCKET), { subjects_filter }),
    );
    return Object.keys(state.subjects ?? {}).map((subject) => subject.slice(subject.lastIndexOf('.') + 1));
  }

  async #reaching<T>(work: () => Promise<T>): Promise<T> {
    try {
      this.broker.assertConnected();
      return await work();
    } catch (error) {
      throw readError(error);
    }
  }
}
