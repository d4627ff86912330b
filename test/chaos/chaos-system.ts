import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FaultInput } from '../../apps/simulator/src/control/fault.schema.js';
import { ROLES } from '../../apps/worker/src/config.js';
import { freePort } from '../support/servers.mjs';
import { startNats, type TestNats } from '../support/nats.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { AppProcess, assertBuilt, type AppName } from '../system/app-process.js';
import { SimulatorControl } from '../system/simulator.js';
import { environmentOf } from '../system/system.js';
import { APPS, GATEWAYS, LINKS, type AppTarget, type Link } from './misdeed-plan.js';
import { Proxy } from './proxy.js';

/** How long the broker waits for a sign of life in these runs. Milliseconds. */
export const ACK_WAIT_MS = 3_000;

/** Of all that the broker keeps; the log of a run takes a tenth. */
const DISK_QUOTA_BYTES = 64 * 1024 * 1024;

/** The provider signs its webhooks with it. */
const WEBHOOK_SECRET = `whsec_${Buffer.from('a secret of the provider').toString('base64')}`;

/** A process that ended although nobody had killed it. A supervisor starts it again, as here. */
export interface Fallen {
  readonly target: AppTarget;
  /** Exit code or signal. */
  readonly ending: string;
  /** The end of what it said. */
  readonly words: string;
}

/**
 * The whole product as it runs on several machines: two workers, two gateways and a projector, on a NATS, a PostgreSQL and
 * a provider that they reach through proxies only.
 */
export class ChaosSystem {
  readonly fallen: Fallen[] = [];
  readonly #ending = new Set<AppTarget>();
  readonly #scripted: FaultInput[] = [];
  #stopping = false;

  private constructor(
    readonly nats: TestNats,
    readonly postgres: TestPostgres,
    readonly simulator: SimulatorControl,
    readonly apps: Readonly<Record<AppTarget, AppProcess>>,
    private readonly proxies: ReadonlyMap<Link, Proxy>,
    private readonly folder: string,
  ) {}

  static async start(): Promise<ChaosSystem> {
    assertBuilt();
    const folder = await mkdtemp(join(tmpdir(), 'darkroom-chaos-'));
    const [nats, postgres] = await Promise.all([startNats({ maxFileBytes: DISK_QUOTA_BYTES }), startPostgres()]);
    const ports = new Map<string, number>([
      ['nats', Number(new URL(nats.url).port)],
      ['postgres', Number(new URL(postgres.url).port)],
    ]);
    for (const app of APPS) ports.set(app, await freePort());
    const proxies = new Map<Link, Proxy>();
    for (const link of LINKS) proxies.set(link, await Proxy.to(ports.get(link.split('>')[1]!)!));

    const simulatorUrl = proxies.get('workers>simulator')!.through('http://127.0.0.1');
    const common = {
      ...environmentOf({
        natsUrl: nats.url,
        databaseUrl: proxies.get('all>postgres')!.through(postgres.url),
        simulatorUrl,
        folder,
      }),
      NATS_ACK_WAIT: `${ACK_WAIT_MS}ms`,
      // Webhooks come in through one of the gateways, and are lost with it.
      PUBLIC_URL: proxies.get('clients>gateway-0')!.through('http://127.0.0.1'),
      REPLICATE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    };
    const make = (target: AppTarget) => {
      const port = ports.get(target)!;
      const { app, readyPath, env } = recipeOf(target, port, simulatorUrl, folder);
      const natsUrl = proxies.get(`${target}>nats` as Link)?.through(nats.url) ?? nats.url;
      return new AppProcess({
        app,
        port,
        readyPath,
        folder,
        // Others may be down just then, and the machine busy.
        readyWithinMs: 120_000,
        env: { ...common, NATS_URL: natsUrl, ...env },
      });
    };
    const apps = Object.fromEntries(APPS.map((target) => [target, make(target)])) as Record<AppTarget, AppProcess>;
    const simulator = new SimulatorControl(apps.simulator.url);
    const system = new ChaosSystem(nats, postgres, simulator, apps, proxies, folder);
    try {
      await Promise.all(APPS.map((target) => system.startApp(target)));
      return system;
    } catch (error) {
      process.stderr.write(`${system.words()}\n`);
      await system.stop();
      throw error;
    }
  }

  proxy(link: Link): Proxy {
    return this.proxies.get(link)!;
  }

  /** Where clients reach the gateways. */
  get gatewayUrls(): string[] {
    return GATEWAYS.map((target) => this.proxy(`clients>${target}`).through(this.apps[target].url));
  }

  /** Starts a process and waits until it is ready. One that ends by itself from now on is started again. */
  async startApp(target: AppTarget): Promise<void> {
    this.#ending.delete(target);
    const app = this.apps[target];
    const starting = app.start();
    void app.ends({ patienceMs: null }).then(({ code, signal }) => {
      if (this.#stopping || this.#ending.has(target)) return;
      this.fallen.push({ target, ending: String(code ?? signal), words: lastWords(app) });
      // It is ready when `startApp` says so: of the first start, or of this one.
      this.startApp(target).catch(() => undefined);
    });
    await starting;
    if (target !== 'simulator') return;
    // What has struck already can strike again, where somebody asks again. Credit that is missing once is enough: each time
    // costs the run a minute.
    await this.simulator.fault(...this.#scripted.filter(({ kind }) => kind !== 'out_of_credit'));
  }

  /** What the provider is to do wrong. It keeps its predictions when it is killed, but not what was scripted. */
  async script(faults: readonly FaultInput[]): Promise<void> {
    this.#scripted.push(...faults);
    // One that is down is told when it starts.
    await this.simulator.fault(...faults).catch(() => undefined);
  }

  /** Kills the process where it stands. */
  async killApp(target: AppTarget): Promise<void> {
    this.#ending.add(target);
    await this.apps[target].end('SIGKILL');
  }

  /** The end of what each process has said, for whoever looks into a failure. */
  words(): string {
    return APPS.map((target) => `--- ${target}\n${lastWords(this.apps[target])}`).join('\n');
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(APPS.map((target) => this.apps[target].end('SIGKILL')));
    await Promise.all([...this.proxies.values()].map((proxy) => proxy.close()));
    await Promise.all([this.nats.stop(), this.postgres.remove()]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

interface Recipe {
  readonly app: AppName;
  readonly readyPath: string;
  readonly env: Readonly<Record<string, string>>;
}

function recipeOf(target: AppTarget, port: number, simulatorUrl: string, folder: string): Recipe {
  switch (target) {
    case 'simulator':
      return {
        app: 'simulator',
        readyPath: '/control/counters',
        env: {
          SIMULATOR_PORT: String(port),
          SIMULATOR_PUBLIC_URL: simulatorUrl,
          SIMULATOR_DATA_DIR: join(folder, 'simulator'),
          SIMULATOR_RUN_MS: '300',
          SIMULATOR_RATE_LIMIT: '1000000',
          SIMULATOR_WEBHOOK_SECRET: WEBHOOK_SECRET,
        },
      };
    case 'gateway-0':
    case 'gateway-1':
      return {
        app: 'gateway',
        readyPath: '/health/ready',
        env: {
          PORT: String(port),
          LIMIT_CONCURRENT: '20',
        },
      };
    case 'worker-0':
    case 'worker-1':
    case 'projector':
      return {
        app: 'worker',
        readyPath: '/health/ready',
        env: {
          WORKER_PORT: String(port),
          WORKER_ROLES: target === 'projector' ? 'project' : ROLES.filter((role) => role !== 'project').join(),
          GENERATION_TIMEOUT: '15s',
          SWEEP_INTERVAL: '2s',
          REPLICATE_CREATES_PER_MINUTE: '1000000',
          REPLICATE_CALLS_PER_MINUTE: '1000000',
        },
      };
  }
}

function lastWords({ stdout, stderr }: AppProcess): string {
  return stdout.slice(-3_000) + stderr.slice(-3_000);
}
