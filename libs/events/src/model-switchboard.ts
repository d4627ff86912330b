import { NO_SWITCHES, type ModelSwitch, type ModelSwitches } from '@darkroom/domain';
import { Kvm, type KV } from '@nats-io/kv';
import type { Status } from '@nats-io/nats-core';
import type { Broker } from './connect.js';
import { Documents } from './documents.js';
import { readError } from './jetstream-event-store.js';
import { CONTROL_BUCKET, MODEL_SWITCHES_KEY } from './subjects.js';

/**
 * The client's watch does not notice that its bucket was made anew, and begins at 1 again. Milliseconds: a look is one
 * read.
 */
const LOOK_EVERY_MS = 30_000;

/**
 * The models that operators have switched, against the catalogue: one document in CONTROL, so that whoever reads it
 * knows all of it. It outlives every process, and the broker's restart.
 */
export class ModelSwitchboard {
  private constructor(
    private readonly broker: Broker,
    private readonly documents: Documents,
    private readonly bucket: KV,
  ) {}

  static async open(broker: Broker): Promise<ModelSwitchboard> {
    const bucket = await new Kvm(broker.jetstream).open(CONTROL_BUCKET);
    return new ModelSwitchboard(broker, await Documents.open(broker, CONTROL_BUCKET), bucket);
  }

  /** @throws EventStoreError `unavailable` */
  async read(): Promise<ModelSwitches> {
    return switchesIn((await this.documents.get(MODEL_SWITCHES_KEY)).text);
  }

  /**
   * Switches a model, until it is switched otherwise or reset. Once more: the note is replaced by a new one. Answers
   * what was before. @throws EventStoreError `unavailable`, or `unknown`: look, or do it again
   */
  async set(modelId: string, to: ModelSwitch['to'], note: string | null): Promise<ModelSwitch | null> {
    return this.#change(modelId, (before) =>
      before?.to === to ? { ...before, note: note ?? before.note } : { to, since: new Date().toISOString(), note },
    );
  }

  /**
   * Leaves a model to the catalogue again. Answers what was before.
   * @throws EventStoreError `unavailable`, or `unknown`: look, or do it again
   */
  async reset(modelId: string): Promise<ModelSwitch | null> {
    return this.#change(modelId, () => null);
  }

  /**
   * What is switched now, then after each change. Ends when `signal` aborts, when the connection is lost, and when it is
   * found to have missed something: what was known then still holds, and whoever wants to know more watches again.
   * @param lookEveryMs how often it is looked whether something was missed; tests shorten it
   * @throws EventStoreError `unavailable`
   */
  async *watch(signal: AbortSignal, lookEveryMs = LOOK_EVERY_MS): AsyncGenerator<ModelSwitches, void, void> {
    if (signal.aborted) return;
    this.broker.assertConnected();
    const lost = new AbortController();
    const statuses = this.broker.connection.status() as AsyncIterable<Status> & { stop(): void };
    void abortWhenLost(statuses, lost);
    const over = AbortSignal.any([signal, lost.signal]);
    let looking: NodeJS.Timeout | undefined;
    try {
      // Begun before the first look, so that no change falls in between.
      const entries = await this.bucket.watch({ key: MODEL_SWITCHES_KEY });
      const stop = (): void => entries.stop();
      over.addEventListener('abort', stop, { once: true });
      if (over.aborted) stop();
      try {
        const first = await this.documents.get(MODEL_SWITCHES_KEY);
        let { text } = first;
        looking = setInterval(() => void this.#isStill(text).then((isSo) => isSo || stop()), lookEveryMs);
        yield switchesIn(text);
        for await (const entry of entries) {
          if (entry.revision <= first.revision) continue;
          text = entry.operation === 'PUT' ? entry.string() : null;
          yield switchesIn(text);
        }
      } finally {
        over.removeEventListener('abort', stop);
        stop();
      }
    } catch (error) {
      throw readError(error);
    } finally {
      clearInterval(looking);
      statuses.stop();
    }
  }

  /** Whether the document still is what it was; also when that cannot be found out. */
  async #isStill(text: string | null): Promise<boolean> {
    return this.documents.get(MODEL_SWITCHES_KEY).then(
      (document) => document.text === text,
      () => true,
    );
  }

  async #change(modelId: string, changed: (before: ModelSwitch | null) => ModelSwitch | null) {
    for (;;) {
      const { revision, text } = await this.documents.get(MODEL_SWITCHES_KEY);
      const switches = switchesIn(text);
      const before = switches.get(modelId) ?? null;
      const after = changed(before);
      if (!before && !after) return null;
      const next = new Map(switches);
      if (after) next.set(modelId, after);
      else next.delete(modelId);
      const changedText = JSON.stringify(Object.fromEntries(next));
      if (await this.documents.put(MODEL_SWITCHES_KEY, changedText, revision)) return before;
    }
  }
}

/** The client's watch finds its own way back, but may take most of a minute. */
async function abortWhenLost(statuses: AsyncIterable<Status>, lost: AbortController): Promise<void> {
  for await (const { type } of statuses) {
    if (type === 'disconnect') lost.abort();
  }
}

/** What cannot be understood is left out: written by hand, or by a release that knows more. */
function switchesIn(text: string | null): ModelSwitches {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '{}');
  } catch {
    return NO_SWITCHES;
  }
  const entries = Object.entries((value ?? {}) as Record<string, Partial<ModelSwitch> | null>);
  return new Map(
    entries.flatMap(([id, entry]) => {
      const { to, since, note } = entry ?? {};
      if ((to !== 'on' && to !== 'off') || typeof since !== 'string') return [];
      return [[id, { to, since, note: typeof note === 'string' ? note : null }] as const];
    }),
  );
}
