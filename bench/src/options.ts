/** The servers that a run uses, and how much it does. */
export interface BenchOptions {
  /** A nats-server of the run's own: its streams are removed between benchmarks. */
  readonly natsUrl: string;
  /** A PostgreSQL in which the run makes databases of its own. */
  readonly databaseUrl: string;
  /** Takes the processes' logs and data. */
  readonly folder: string;
  /** What Darkroom's processes are started with, as by `npm start`. */
  readonly appEnv: Readonly<Record<string, string>>;
  readonly size: Size;
}

/** How much is measured. */
export interface Size {
  /** Rounds of ours and of the limit, in turns. */
  readonly rounds: number;
  /** Length of one round of requests. Seconds. */
  readonly roundSeconds: number;
  /** Appends, and loads, of one round. */
  readonly operations: number;
  /** Generations whose way to the worker is timed. */
  readonly paced: number;
  /** Generations of the end-to-end run. */
  readonly generations: number;
  /** Generations in the log that is rebuilt, of 6 events each. */
  readonly rebuilt: number;
  /** Predictions in flight at once. */
  readonly inFlight: number;
  /** How long each of them runs. Seconds. */
  readonly runSeconds: number;
  /** Generations scheduled for the same second. */
  readonly scheduled: number;
  /** How long before that second they are asked for: all of them must have been scheduled by then. Seconds. */
  readonly scheduledAhead: number;
  /** Images downloaded in one round. */
  readonly downloads: number;
  /** How long an idle process may take to settle. Seconds. */
  readonly settleSeconds: number;
}

export const FULL: Size = {
  rounds: 9,
  roundSeconds: 2,
  operations: 1_000,
  paced: 600,
  generations: 500,
  rebuilt: 30_000,
  inFlight: 2_000,
  runSeconds: 10,
  scheduled: 5_000,
  scheduledAhead: 30,
  downloads: 200,
  settleSeconds: 60,
};

/** Says that everything still runs; its numbers mean nothing. */
export const SMOKE: Size = {
  rounds: 1,
  roundSeconds: 1,
  operations: 50,
  paced: 10,
  generations: 5,
  rebuilt: 50,
  inFlight: 20,
  runSeconds: 2,
  scheduled: 50,
  scheduledAhead: 3,
  downloads: 5,
  settleSeconds: 1,
};
