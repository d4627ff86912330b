import { Random } from '../support/random.js';

export const WORKERS = ['worker-0', 'worker-1'] as const;
export const GATEWAYS = ['gateway-0', 'gateway-1'] as const;
export const APPS = [...WORKERS, ...GATEWAYS, 'projector', 'simulator'] as const;
export const SERVERS = ['nats', 'postgres'] as const;
export type AppTarget = (typeof APPS)[number];
/** What can be killed and frozen. */
export type Target = AppTarget | (typeof SERVERS)[number];
export const TARGETS: readonly Target[] = [...APPS, ...SERVERS];

/** Connections that lead through a proxy: those of each process to NATS, and those of all to what is behind one name. */
export const LINKS = [
  ...WORKERS.map((app) => `${app}>nats` as const),
  ...GATEWAYS.map((app) => `${app}>nats` as const),
  'projector>nats',
  'all>postgres',
  'workers>simulator',
  ...GATEWAYS.map((app) => `clients>${app}` as const),
] as const;
export type Link = (typeof LINKS)[number];

/** Something that is done to the system. Times in milliseconds, `at` from the start of the run. */
export type Misdeed = { readonly at: number } & (
  | { readonly kind: 'kill'; readonly target: Target; readonly downFor: number }
  | { readonly kind: 'freeze'; readonly target: Target; readonly for: number }
  | { readonly kind: 'cut'; readonly link: Link }
  | { readonly kind: 'refuse' | 'hang'; readonly link: Link; readonly for: number }
  /** The disk quota is full: of the log alone, or of all that the broker keeps. */
  | { readonly kind: 'fill'; readonly quota: 'log' | 'broker'; readonly for: number }
  /** The provider's list of predictions fails: which no fault of a single prediction can do. */
  | { readonly kind: 'blind'; readonly times: number }
);
export type MisdeedKind = Misdeed['kind'];

/** Of each round of kills: workers most, theirs is the work that is paid for. */
const KILLED: readonly Target[] = [...TARGETS, ...WORKERS, ...WORKERS, ...GATEWAYS, 'projector', 'nats', 'postgres'];

/** Workers again, and all others now and then. */
const FROZEN: readonly Target[] = [...TARGETS, ...WORKERS, ...WORKERS, ...WORKERS, ...WORKERS, 'projector'];

export interface MisdeedOptions {
  readonly seed: number;
  readonly kills: number;
  /** Length of the run in which they happen. Milliseconds. */
  readonly span: number;
  /** How long the broker waits for a sign of life: a frozen process stays so for longer. Milliseconds. */
  readonly ackWaitMs: number;
}

/**
 * What is done to the system and when: kills go round, so that each target is hit before one is hit much more often, and
 * every other kind happens in proportion. The same for the same seed.
 */
export function misdeedsOf({ seed, kills, span, ackWaitMs }: MisdeedOptions): readonly Misdeed[] {
  const random = new Random(seed ^ 0x5eed);
  const at = () => random.between(0, span);
  const times = (share: number) => Math.max(1, Math.round(kills * share));
  const make = <T>(count: number, one: (index: number) => T): T[] => Array.from({ length: count }, (_, n) => one(n));
  const rounds = make(Math.ceil(kills / KILLED.length), () => shuffled(random, KILLED));
  const killed = [...shuffled(random, TARGETS), ...rounds.flat()];
  return [
    ...make(kills, (n) => ({
      kind: 'kill' as const,
      at: at(),
      target: killed[n]!,
      downFor: random.pick([0, 0, random.between(100, 1_000), random.between(1_000, 4_000)]),
    })),
    ...make(times(0.2), (n) => ({
      kind: 'freeze' as const,
      at: at(),
      // At least one of those that hold work.
      target: n === 0 ? random.pick(WORKERS) : random.pick(FROZEN),
      for: ackWaitMs + random.between(500, 3_000),
    })),
    ...make(times(0.3), () => ({ kind: 'cut' as const, at: at(), link: random.pick(LINKS) })),
    ...make(times(0.1), () => ({
      kind: 'refuse' as const,
      at: at(),
      link: random.pick(LINKS),
      for: random.between(300, 3_000),
    })),
    ...make(times(0.15), () => ({
      kind: 'hang' as const,
      at: at(),
      link: random.pick(LINKS),
      for: random.between(500, ackWaitMs + 2_000),
    })),
    ...make(times(0.07), (n) => ({
      kind: 'fill' as const,
      at: at(),
      quota: n % 2 === 0 ? ('broker' as const) : ('log' as const),
      for: random.between(500, 3_000),
    })),
    ...make(times(0.1), () => ({ kind: 'blind' as const, at: at(), times: random.between(1, 4) })),
  ].sort((a, b) => a.at - b.at);
}

/** In words, for a timeline. */
export function tell(misdeed: Misdeed): string {
  switch (misdeed.kind) {
    case 'kill':
      return `kill -9 ${misdeed.target}, down for ${misdeed.downFor} ms`;
    case 'freeze':
      return `freeze ${misdeed.target} for ${misdeed.for} ms`;
    case 'cut':
      return `cut ${misdeed.link}`;
    case 'refuse':
    case 'hang':
      return `${misdeed.kind} ${misdeed.link} for ${misdeed.for} ms`;
    case 'fill':
      return `fill the quota of the ${misdeed.quota} for ${misdeed.for} ms`;
    case 'blind':
      return `fail ${misdeed.times} looks at the provider's list`;
  }
}

function shuffled<T>(random: Random, values: readonly T[]): T[] {
  const left = [...values];
  return values.map(() => left.splice(random.between(0, left.length - 1), 1)[0]!);
}
