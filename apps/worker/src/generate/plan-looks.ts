/** So few are asked for one by one; beyond that one page of the provider's list tells of more than a call each would. */
export const FEW = 10;

/** Calls for single predictions at once. More of them would only wait for each other. */
export const MOST_GETS = 8;

/** Of the provider's list. */
export const PAGE_SIZE = 100;

/** A prediction that is waited for, as far as its next look is concerned. Times are milliseconds since 1970. */
export interface Awaited {
  readonly createdAt: number;
  /** When to look next. */
  readonly dueAt: number;
  /** When waiting ends; Infinity: never. */
  readonly deadline: number;
  /** The call that it is part of at the moment. */
  readonly asked: 'no' | 'alone' | 'list';
  /** The list does not show it, or not at a fair price: only a call of its own tells. */
  readonly unlisted: boolean;
}

/** What to ask now, and when to plan again if nothing happens before. */
export interface Plan<T> {
  /** Past their deadlines: to be cancelled. */
  readonly overdue: readonly T[];
  /** To be asked for one by one. */
  readonly alone: readonly T[];
  /** To be looked for in the list; none: no list. */
  readonly listed: readonly T[];
  readonly nextAt: number;
}

export interface Means {
  /** Calls for single predictions that are under way. */
  readonly gets: number;
  /** The list is being read. */
  readonly listing: boolean;
  /** No call before this, for the sake of the budget. Milliseconds since 1970. */
  readonly callsFrom: number;
}

/** What to ask the provider next. Cheap: it is asked at every turn, with thousands in flight. */
export function planLooks<T extends Awaited>(awaited: Iterable<T>, now: number, means: Means): Plan<T> {
  if (now < means.callsFrom) return { overdue: [], alone: [], listed: [], nextAt: means.callsFrom };
  const overdue: T[] = [];
  const unlisted: T[] = [];
  const listable: T[] = [];
  let nextAt = Infinity;
  for (const each of awaited) {
    if (each.asked === 'alone') continue;
    if (each.deadline <= now) overdue.push(each);
    else if (each.asked === 'list') nextAt = Math.min(nextAt, each.deadline);
    else if (each.dueAt <= now) (each.unlisted ? unlisted : listable).push(each);
    else nextAt = Math.min(nextAt, each.dueAt, each.deadline);
  }
  const many = listable.length > FEW;
  const single = [...overdue, ...(many ? unlisted : [...unlisted, ...listable])];
  // Whoever finds no place has its turn when a call ends.
  const begun = new Set(single.sort((a, b) => a.dueAt - b.dueAt).slice(0, Math.max(0, MOST_GETS - means.gets)));
  return {
    overdue: overdue.filter((each) => begun.has(each)),
    alone: single.filter((each) => begun.has(each) && each.deadline > now),
    listed: many && !means.listing ? listable : [],
    nextAt,
  };
}

/**
 * Whether reading on teaches more of the predictions that a list has not shown yet, with fewer calls, than asking one by one.
 * @param createdAt of each, newest first
 * @param reached how far back the list has come
 * @param msPerPage how far back a page reaches
 */
export function isWorthReading(createdAt: Iterable<number>, reached: number, msPerPage: number): boolean {
  let count = 0;
  for (const time of createdAt) {
    // The list has passed it: it will not show it any more.
    if (time >= reached) continue;
    const pages = Math.max(1, Math.ceil((reached - time) / msPerPage));
    if (++count > pages) return true;
  }
  return false;
}
