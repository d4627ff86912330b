import type { Generation } from '@darkroom/domain';
import type { RecordedEvent } from '@darkroom/events';

/** What was found after a run, gathered past the product: the checks look at nothing else. */
export interface Evidence {
  readonly accepted: readonly Accepted[];
  /** The whole log, in its order. */
  readonly log: readonly RecordedEvent[];
  /** What the provider was asked to make, oldest first. */
  readonly predictions: readonly PaidPrediction[];
  readonly images: readonly SeenImage[];
  readonly rows: readonly GenerationRow[];
  readonly tables: Tables;
  readonly queues: Queues;
}

/** A generation that a client was told of by a 202. */
export interface Accepted {
  readonly id: string;
  readonly prompt: string;
  /** The client was told that it is cancelled. */
  readonly cancelled: boolean;
  /** How often the client was told that it is taken up again. */
  readonly redriven: number;
}

/** A prediction as the provider knows it. Times ISO 8601 UTC. */
export interface PaidPrediction {
  readonly id: string;
  readonly status: string;
  readonly prompt: string;
  readonly createdAt: string;
  /** Null: it still runs. */
  readonly completedAt: string | null;
}

/** An image as its owner gets it. */
export interface SeenImage {
  readonly id: string;
  readonly generationId: string;
  /** Of the answer; 0: none. */
  readonly status: number;
  readonly bytes: number;
  readonly sha256: string;
  /** Of the provider's own file, where that was looked at. */
  readonly originalSha256: string | null;
}

/** A row of the list of generations, as it stands in PostgreSQL. */
export interface GenerationRow {
  readonly id: string;
  readonly status: string;
  readonly version: number;
  readonly position: number;
  readonly state: Generation;
}

export interface Tables {
  /** A hash of the rows of each table. */
  readonly live: Readonly<Record<string, string>>;
  /** The same of tables that were made from the log just now. */
  readonly fresh: Readonly<Record<string, string>>;
}

export interface Queues {
  /** Messages by subject that are still to be done. */
  readonly waiting: Readonly<Record<string, number>>;
  /** By consumer: what was delivered and not acknowledged, and what was never delivered. */
  readonly consumers: Readonly<Record<string, { readonly unacknowledged: number; readonly pending: number }>>;
}

export const INVARIANTS = ['lost', 'stuck', 'doubled', 'overpaid', 'forbidden', 'images', 'drift', 'queues'] as const;
/**
 * What must never happen. lost: accepted, or promised, and not there; stuck: without an end; doubled: one request, two
 * generations; overpaid: more bought than the history shows; forbidden: an order of events that the aggregate does not
 * know; images: missing, unreadable or other than said; drift: read models that the log does not explain; queues: work
 * that is left.
 */
export type Invariant = (typeof INVARIANTS)[number];

export interface Violation {
  readonly invariant: Invariant;
  /** Whose it is; null: nobody's in particular. */
  readonly generationId: string | null;
  readonly what: string;
}

/** The events of each generation, oldest first. */
export function historiesOf(log: readonly RecordedEvent[]): Map<string, RecordedEvent[]> {
  const histories = new Map<string, RecordedEvent[]>();
  for (const event of log) {
    const history = histories.get(event.generationId);
    if (history) history.push(event);
    else histories.set(event.generationId, [event]);
  }
  return histories;
}
