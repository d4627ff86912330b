import { LANES, type Lane } from '@darkroom/domain';
import type { ConsumerInfo, StreamInfo } from '@nats-io/jetstream';
import { REQUEST_TIMEOUT_MS, type Broker } from './connect.js';
import { readError } from './jetstream-event-store.js';
import { laneInLine, lineFilter, WORK_STREAM, workConsumer, workFilter, type WorkStage } from './subjects.js';

/** Whoever stands in a longer queue is not told where: the broker would have to list all of it. */
export const LONGEST_QUEUE = 20_000;

/** How long an answer of the broker is good for everybody who asks. Milliseconds. */
const FRESH_MS = 1_000;

/** A generation that may be waiting. */
export interface Queued {
  readonly generationId: string;
  readonly userId: string;
  readonly lane: Lane;
  /** Whether it may stand in its user's line. */
  readonly limited: boolean;
}

/** Places, 1 = next, by generation. */
type Queue = ReadonlyMap<string, number>;

/**
 * Where a generation stands in the queue that it waits in. Asked of the broker at most once a second for each queue,
 * however many want to know.
 */
export class QueuePositions {
  readonly #asked = new Map<string, { readonly at: number; readonly queue: Promise<Queue> }>();

  constructor(private readonly broker: Broker) {}

  /**
   * In the user's line: how many of that user's are let in before it, plus one. In a lane: how many of it that nobody
   * has in hand were asked for before it, plus one; of those that were scheduled, if it was. Null: it stands in none, or
   * in one of more than {@link LONGEST_QUEUE}.
   * @throws EventStoreError `unavailable`
   */
  async of({ generationId, userId, lane, limited }: Queued): Promise<number | null> {
    const inLine = limited ? (await this.#fresh(lineFilter(userId), () => this.#line(userId))).get(generationId) : null;
    const inLane = async (stage: 'generate' | 'due'): Promise<number | undefined> =>
      (await this.#fresh(workFilter(stage, lane), () => this.#lane(stage, lane))).get(generationId);
    return inLine ?? (await inLane('generate')) ?? (await inLane('due')) ?? null;
  }

  #fresh(name: string, ask: () => Promise<Queue>): Promise<Queue> {
    const now = performance.now();
    for (const [each, { at }] of this.#asked) if (now - at > FRESH_MS) this.#asked.delete(each);
    const known = this.#asked.get(name);
    if (known) return known.queue;
    const queue = ask();
    this.#asked.set(name, { at: now, queue });
    return queue;
  }

  async #line(userId: string): Promise<Queue> {
    const subjects = await this.#subjects(lineFilter(userId));
    const ids = LANES.flatMap((lane) => idsOf(subjects.filter((subject) => laneInLine(subject) === lane)));
    return new Map(ids.map((id, index) => [id, index + 1]));
  }

  async #lane(stage: WorkStage, lane: Lane): Promise<Queue> {
    const { num_ack_pending: inHand, num_pending } = await this.#consumer(stage, lane);
    if (num_pending > LONGEST_QUEUE) return new Map();
    const subjects = await this.#subjects(workFilter(stage, lane));
    return new Map(idsOf(subjects).map((id, index) => [id, Math.max(1, index + 1 - inHand)]));
  }

  async #consumer(stage: WorkStage, lane: Lane): Promise<ConsumerInfo> {
    try {
      return await this.broker.manager.consumers.info(WORK_STREAM, workConsumer(stage, lane));
    } catch (error) {
      throw readError(error);
    }
  }

  /** None when there are too many. One answer of the broker holds 100,000; the client would go on asking for the rest. */
  async #subjects(filter: string): Promise<string[]> {
    try {
      this.broker.assertConnected();
      const query = JSON.stringify({ subjects_filter: filter });
      const request = { timeout: REQUEST_TIMEOUT_MS };
      const answer = await this.broker.connection.request(`$JS.API.STREAM.INFO.${WORK_STREAM}`, query, request);
      const subjects = Object.keys(answer.json<Partial<StreamInfo>>().state?.subjects ?? {});
      return subjects.length > LONGEST_QUEUE ? [] : subjects;
    } catch (error) {
      throw readError(error);
    }
  }
}

/** In the order in which they were asked for: ids begin with their time (UUIDv7). */
function idsOf(subjects: readonly string[]): string[] {
  return subjects.map((subject) => subject.slice(subject.lastIndexOf('.') + 1)).sort();
}
