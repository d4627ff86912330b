/**
 * Which of a user's generations run: they are in their lane or with a worker, or pause before their next attempt. All
 * changes are pure and may be repeated; the bucket SLOTS keeps the result (docs/adr/0014).
 */
export interface Slots {
  readonly user_id: string;
  /** By generation: the version of the event that let it in. */
  readonly running: Readonly<Record<string, number>>;
  /**
   * Those that were let in from the user's line: the place in the work stream where they stood. As long as a message is
   * there, its work may not have been put into the lane yet.
   */
  readonly entering: Readonly<Record<string, number>>;
}

/** What asks for a slot: a generation, by the event that put it (back) into the queue. */
export interface Entry {
  readonly generationId: string;
  readonly version: number;
}

/** What gives one back: a generation, by an event after which it no longer runs. */
export interface Departure {
  readonly generationId: string;
  readonly version: number;
}

export function noSlots(userId: string): Slots {
  return { user_id: userId, running: {}, entering: {} };
}

/** Whether this very event, or a later one, has let the generation in already. */
export function hasEntered({ running }: Slots, { generationId, version }: Entry): boolean {
  return (running[generationId] ?? 0) >= version;
}

/** Whether a generation may run now. One that holds a slot since an earlier event takes that. @param limit null: any number */
export function mayEnter({ running }: Slots, { generationId }: Entry, limit: number | null): boolean {
  return limit === null || generationId in running || Object.keys(running).length < limit;
}

/** @param place where it stood in the line; null: it did not have to wait */
export function enter(slots: Slots, { generationId, version }: Entry, place: number | null): Slots {
  // Old work that turns up again must not make a later entry look older.
  const running = { ...slots.running, [generationId]: Math.max(version, slots.running[generationId] ?? 0) };
  const entering = { ...slots.entering };
  delete entering[generationId];
  if (place !== null) entering[generationId] = place;
  return { ...slots, running, entering };
}

/** A departure says nothing of a generation that was let in again since. Answers `slots` itself when nothing changes. */
export function leave(slots: Slots, departures: readonly Departure[]): Slots {
  const leaving = departures.filter(({ generationId, version }) => (slots.running[generationId] ?? version) < version);
  if (leaving.length === 0) return slots;
  const running = { ...slots.running };
  const entering = { ...slots.entering };
  for (const { generationId } of leaving) {
    delete running[generationId];
    delete entering[generationId];
  }
  return { ...slots, running, entering };
}

/** Forgets where those stood whose work is in the lane. */
export function settled(slots: Slots): Slots {
  return { ...slots, entering: {} };
}
