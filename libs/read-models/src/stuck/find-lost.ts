import type { Examined, JetStreamLogReader, Mender } from '@darkroom/events';
import type { IdleQuery } from './idle.query.js';

/** Ids asked of Postgres at once. */
const PAGE = 500;

export interface FindLostOptions {
  readonly idle: IdleQuery;
  readonly mender: Mender;
  readonly log: Pick<JetStreamLogReader, 'positionAt'>;
  readonly now: Date;
  /** How long nothing must have happened to a generation before it is looked at. Milliseconds. */
  readonly idleMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Every generation that has not ended, has not moved for a while, and of which there is no work, as the log says. The read
 * model only names those that may be meant; one look at the work queue spares most of these a look at the log.
 * @throws ReadModelUnavailable, EventStoreError `unavailable`; the reason of `signal`
 */
export async function* findLost(options: FindLostOptions): AsyncIterable<Examined> {
  const { idle, mender, log, idleMs, signal } = options;
  const quietSince = new Date(options.now.getTime() - idleMs);
  const before = await log.positionAt(quietSince);
  const withWork = await mender.withWork();
  let after: string | null = null;
  do {
    signal?.throwIfAborted();
    const ids: readonly string[] = await idle.page({ before, after, limit: PAGE });
    for (const id of ids) {
      if (withWork.has(id)) continue;
      signal?.throwIfAborted();
      const examined = await mender.examine(id, quietSince.toISOString());
      if (examined.standing !== 'fine') yield examined;
    }
    after = ids.length === PAGE ? ids.at(-1)! : null;
  } while (after !== null);
}
