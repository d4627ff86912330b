import { LANES, type Lane } from '@darkroom/domain';
import type { StoredMsg } from '@nats-io/jetstream';
import type { Broker } from './connect.js';
import { decode, encode } from './envelope.js';
import type { RecordedEvent } from './event-store.js';
import { readError } from './jetstream-event-store.js';
import { ALL_LINES, laneInLine, lineFilter, lineSubject, wholeLine, WORK_STREAM } from './subjects.js';

/** A generation in its user's line. */
export interface Waiting {
  readonly event: RecordedEvent;
  readonly lane: Lane;
  /** Its sequence in the work stream: names this message and no other. */
  readonly place: number;
}

/**
 * Users' own lines in the work stream: who waits there until fewer of the user's generations run. No consumer reads
 * them; whoever holds the user's slots takes them one by one. Reads are of the stream's leader (see SlotTable).
 */
export class WaitingLine {
  constructor(private readonly broker: Broker) {}

  /** At the end of its lane. Twice the same event within the broker's window is once. */
  async join(event: RecordedEvent, lane: Lane): Promise<void> {
    const { headers, body } = encode(event);
    this.broker.assertConnected();
    const subject = lineSubject(event.userId, lane, event.generationId);
    const expect = { streamName: WORK_STREAM };
    await this.broker.jetstream.publish(subject, body, { headers, msgID: `${event.id}.line`, expect });
  }

  /** Whose turn it is: of the highest lane that anybody waits in the one who came first. Null: nobody waits. */
  async head(userId: string): Promise<Waiting | null> {
    const oldest = await this.#next(lineFilter(userId));
    if (!oldest) return null;
    for (const lane of LANES) {
      // Of its own lane the oldest of all is the oldest.
      if (lane === oldest.lane) return oldest;
      const first = await this.#next(lineFilter(userId, lane));
      if (first) return first;
    }
    return oldest;
  }

  async isEmpty(userId: string): Promise<boolean> {
    return (await this.#next(lineFilter(userId))) === null;
  }

  /** Who stands, or stood, at a place. Null: gone. */
  async at(place: number, generationId: string): Promise<Waiting | null> {
    const found = await this.#read({ seq: place });
    const waiting = found && waitingFrom(found);
    return waiting?.event.generationId === generationId ? waiting : null;
  }

  /** Idempotent. A later entry of the same generation stays. */
  async remove({ event, lane, place }: Waiting): Promise<void> {
    const filter = lineSubject(event.userId, lane, event.generationId);
    try {
      this.broker.assertConnected();
      await this.broker.manager.streams.purge(WORK_STREAM, { filter, seq: place + 1 });
    } catch (error) {
      throw readError(error);
    }
  }

  /** Users who have somebody waiting. */
  async *users(): AsyncGenerator<string, void, void> {
    const { state } = await this.broker.manager.streams.info(WORK_STREAM, { subjects_filter: ALL_LINES });
    for (const line of new Set(Object.keys(state.subjects ?? {}).map(wholeLine))) {
      const first = await this.#next(line);
      if (first) yield first.event.userId;
    }
  }

  async #next(filter: string): Promise<Waiting | null> {
    const found = await this.#read({ seq: 1, next_by_subj: filter });
    return found && waitingFrom(found);
  }

  async #read(query: { readonly seq: number; readonly next_by_subj?: string }): Promise<StoredMsg | null> {
    try {
      this.broker.assertConnected();
      return await this.broker.manager.streams.getMessage(WORK_STREAM, query);
    } catch (error) {
      throw readError(error);
    }
  }
}

/** Null: whatever stands there is in no line. */
function waitingFrom({ subject, seq, header, data }: StoredMsg): Waiting | null {
  const lane = laneInLine(subject);
  return lane && { event: decode(header, data), lane, place: seq };
}
