import { EVENTS_STREAM } from '@darkroom/events';
import { it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../support/servers.mjs';
import { eventually } from '../support/eventually.js';
import { startNats, type TestNats } from '../support/nats.js';
import { createTestDatabase, startPostgres, type TestPostgres } from '../support/postgres.js';
import { AppProcess, assertBuilt, type AppName } from './app-process.js';
import { ADMIN_KEY, Client, JWT_SECRET, tokenOf } from './client.js';
import { SimulatorControl } from './simulator.js';

type Env = Readonly<Record<string, string>>;

export interface SystemOptions {
  readonly gateways?: number;
  readonly workers?: number;
  /** A PostgreSQL server of its own, for tests that stop it. */
  readonly ownPostgres?: boolean;
  /** How long a prediction runs. Milliseconds. */
  readonly runMs?: number;
  /** Further variables of the first workers. */
  readonly workerEnv?: Env;
}

/** What every process of the product is started with: addresses, secrets, and short pauses. */
export function environmentOf(addresses: {
  readonly natsUrl: string;
  readonly databaseUrl: string;
  readonly simulatorUrl: string;
  readonly folder: string;
}): Record<string, string> {
  return {
    NATS_URL: addresses.natsUrl,
    DATABASE_URL: addresses.databaseUrl,
    DATA_DIR: addresses.folder,
    AUTH_JWT_SECRET: JWT_SECRET,
    ADMIN_API_KEY: ADMIN_KEY,
    REPLICATE_API_TOKEN: 'simulator',
    REPLICATE_BASE_URL: `${addresses.simulatorUrl}/v1`,
    // As much as the simulator allows.
    REPLICATE_CREATES_PER_MINUTE: '1000000',
    REPLICATE_CALLS_PER_MINUTE: '1000000',
    ALLOW_PRIVATE_URLS: 'true',
    RETRY_BACKOFF_BASE: '100ms',
    LIMIT_HOURLY: '0',
    LIMIT_DAILY: '0',
    LIMIT_CONCURRENT: '0',
  };
}

/** The whole product as separate processes on one NATS and one PostgreSQL. */
export class System {
  readonly gateways: AppProcess[] = [];
  readonly workers: AppProcess[] = [];
  readonly #apps: AppProcess[] = [];

  private constructor(
    readonly nats: TestNats,
    /** Only with `ownPostgres`. */
    readonly postgres: TestPostgres | undefined,
    readonly databaseUrl: string,
    readonly simulator: SimulatorControl,
    private readonly folder: string,
    private readonly env: Env,
    private readonly dropDatabase: () => Promise<void>,
  ) {}

  static async start({
    gateways = 1,
    workers = 1,
    ownPostgres,
    runMs = 300,
    workerEnv,
  }: SystemOptions = {}): Promise<System> {
    assertBuilt();
    const folder = await mkdtemp(join(tmpdir(), 'darkroom-system-'));
    const [nats, postgres, database] = await Promise.all([
      startNats(),
      ownPostgres ? startPostgres() : undefined,
      ownPostgres ? undefined : createTestDatabase(),
    ]);
    const databaseUrl = postgres?.url ?? database!.url;
    const simulatorPort = await freePort();
    const simulatorUrl = `http://127.0.0.1:${simulatorPort}`;
    const env = environmentOf({ natsUrl: nats.url, databaseUrl, simulatorUrl, folder });
    const simulator = new SimulatorControl(simulatorUrl);
    const drop = async () => (await postgres?.remove(), database?.drop());
    const system = new System(nats, postgres, databaseUrl, simulator, folder, env, drop);
    try {
      const simulatorEnv = {
        SIMULATOR_PORT: String(simulatorPort),
        SIMULATOR_RUN_MS: String(runMs),
        SIMULATOR_RATE_LIMIT: '1000000',
      };
      await Promise.all([
        system.#make('simulator', simulatorPort, '/control/counters', simulatorEnv).start(),
        ...Array.from({ length: workers }, () => system.addWorker(workerEnv)),
        ...Array.from({ length: gateways }, () => system.#addGateway()),
      ]);
      await system.settled();
      return system;
    } catch (error) {
      system.report();
      await system.stop();
      throw error;
    }
  }

  async addWorker(env: Env = {}): Promise<AppProcess> {
    const worker = await this.makeWorker(env);
    this.workers.push(worker);
    return worker.start();
  }

  /** A worker that is not started yet. */
  async makeWorker(env: Env = {}): Promise<AppProcess> {
    const port = await freePort();
    return this.#make('worker', port, '/health/ready', { WORKER_PORT: String(port), ...env });
  }

  async #addGateway(): Promise<AppProcess> {
    const port = await freePort();
    // One address for all of them, as behind a load balancer: it is in the links of every answer.
    const env = { PORT: String(port), PUBLIC_URL: 'http://darkroom.test' };
    const gateway = this.#make('gateway', port, '/health/ready', env);
    this.gateways.push(gateway);
    return gateway.start();
  }

  /** Resolves when every gateway says that it lacks nothing. */
  async settled(): Promise<void> {
    await eventually(
      async () => {
        const answers = await Promise.all(this.gateways.map(({ url }) => fetch(`${url}/health/ready`)));
        const healths = (await Promise.all(answers.map((answer) => answer.json()))) as { status: string }[];
        return healths.every(({ status }) => status === 'ok');
      },
      { timeoutMs: 30_000, what: 'every gateway to find all it needs' },
    );
  }

  #make(app: AppName, port: number, readyPath: string, env: Env): AppProcess {
    const made = new AppProcess({ app, port, readyPath, folder: this.folder, env: { ...this.env, ...env } });
    this.#apps.push(made);
    return made;
  }

  /** A user of one of the gateways. */
  async as(user: string, gateway = 0): Promise<Client> {
    return new Client(this.gateways[gateway]!.url, `Bearer ${await tokenOf(user)}`);
  }

  get operator(): Client {
    return new Client(this.gateways[0]!.url, `Bearer ${ADMIN_KEY}`);
  }

  get anonymous(): Client {
    return new Client(this.gateways[0]!.url, null);
  }

  /** Position of the last event in the log, and how many there are. */
  async log(): Promise<{ last: number; events: number }> {
    const connection = await connect({ servers: this.nats.url });
    try {
      const { state } = await (await jetstreamManager(connection)).streams.info(EVENTS_STREAM);
      return { last: state.last_seq, events: state.messages };
    } finally {
      await connection.close();
    }
  }

  /** Rows straight from PostgreSQL, past every piece of the product. */
  async rows<T extends object>(statement: string): Promise<T[]> {
    const client = new pg.Client({ connectionString: this.databaseUrl });
    await client.connect();
    try {
      return (await client.query<T & pg.QueryResultRow>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  /** What the processes have said, for whoever looks into a failure. */
  report(): void {
    const tails = this.#apps.map(
      (app, index) => `--- process ${index}, ${app.url}\n${app.stdout.slice(-4_000)}${app.stderr}`,
    );
    process.stderr.write(`${tails.join('\n')}\n`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#apps.map((app) => app.end('SIGKILL')));
    await Promise.all([this.nats.stop(), this.dropDatabase()]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A test that tells what the processes have said when it fails. */
export function scenario(
  name: string,
  system: () => System | undefined,
  run: (system: System) => Promise<void>,
  timeoutMs = 60_000,
): void {
  it(
    name,
    async () => {
      const started = system();
      if (!started) throw new Error('The system was not started');
      try {
        await run(started);
      } catch (error) {
        started.report();
        throw error;
      }
    },
    timeoutMs,
  );
}
