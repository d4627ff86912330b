import type { Examined } from '@darkroom/events';
import { findLost } from '@darkroom/read-models';
import type { Stores } from '../stores.js';

/** More than these are not told one by one: the cause is then elsewhere (see `doctor`). */
const MOST = 1_000;

/** What keeps a generation from its end. `overdue`: its attempt should have ended long ago, although there is work of it. */
export type Why = 'lost' | 'given_up' | 'overdue' | 'unreadable' | 'unknown';

export interface Stuck {
  readonly why: Why;
  readonly found: Examined;
}

export const EXPLANATIONS: Readonly<Record<Why, { readonly why: string; readonly todo: string }>> = {
  lost: {
    why: 'it waits, and there is no work of it',
    todo: 'a worker with the role sweep sends it on; at once: darkroom stuck --release',
  },
  given_up: {
    why: 'it was sent on several times and did not move',
    todo: "find it in the worker's log, then darkroom stuck --release",
  },
  overdue: {
    why: 'its attempt is past every time limit',
    todo: 'restart the workers; if it stays, cancel it: POST /v1/generations/<id>/cancel',
  },
  unreadable: { why: 'a newer release wrote to it', todo: 'upgrade every process to that release' },
  unknown: { why: 'the log does not know it', todo: 'look at NATS_URL and DATABASE_URL: darkroom doctor' },
};

/** Every generation that will not come to its end by itself, as the log says. */
export async function findStuck(stores: Stores, now: Date, idleMs: number): Promise<Stuck[]> {
  const { readModels, mender, log, signal } = stores;
  const stuck: Stuck[] = [];
  for await (const found of findLost({ idle: readModels.idle, mender, log, now, idleMs, signal })) {
    if (found.standing !== 'fine') stuck.push({ why: found.standing, found });
    if (stuck.length >= MOST) return stuck;
  }
  const known = new Set(stuck.map(({ found }) => found.id));
  const time = now.toISOString();
  for (const { id, state } of await readModels.stuck.list(time, [], MOST - stuck.length)) {
    if (known.has(id)) continue;
    signal.throwIfAborted();
    const found = await mender.examine(id, time);
    // The read model may lag: the attempt that it means may be over.
    if (found.generation?.current?.fence === state.current?.fence) stuck.push({ why: 'overdue', found });
  }
  return stuck;
}
