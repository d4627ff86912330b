import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import pg from 'pg';
import { freePort, guardServer } from '../support/servers.mjs';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { assertBuilt } from '../system/app-process.js';
import { type Compose, imageEnvironment, readCompose, readEnvFile, ROOT } from './compose-file.js';

/** Addresses within the containers' networks, each of which gets a port of this machine. */
const ADDRESSES = ['gateway:3000', 'worker:3001', 'simulator:3002', 'nats:4222', 'nats:8222', 'prometheus:9090'];

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly said: () => string;
}

/**
 * The services of docker-compose.yml as processes of this machine: with their commands, environments, mounted files and
 * health checks as they are written, but for addresses, ports and paths. PostgreSQL's image is replaced by a real server
 * with the same user, password and database.
 */
export class Deployment {
  readonly #running = new Map<string, Running>();
  readonly #compose: Compose;

  private constructor(
    readonly folder: string,
    readonly env: Readonly<Record<string, string>>,
    private readonly ports: ReadonlyMap<string, number>,
    private readonly postgres: TestPostgres,
    /** Paths of programs by their name within the images. */
    private readonly programs: Readonly<Record<string, string | undefined>>,
  ) {
    this.#compose = readCompose(env);
  }

  static async make(programs: Readonly<Record<string, string | undefined>>): Promise<Deployment> {
    assertBuilt();
    const folder = await mkdtemp(join(tmpdir(), 'darkroom-deployment-'));
    for (const path of ['.env.example', 'deploy']) cpSync(join(ROOT, path), join(folder, path), { recursive: true });
    execFileSync('sh', [join(folder, 'deploy/new-env.sh')]);
    const env = readEnvFile(readFileSync(join(folder, '.env'), 'utf8'));
    const postgres = await startPostgres();
    const ports = new Map([['postgres:5432', Number(new URL(postgres.url).port)]]);
    for (const address of ADDRESSES) ports.set(address, await freePort());
    const deployment = new Deployment(folder, env, ports, postgres, { node: process.execPath, ...programs });
    await deployment.#makeDatabase();
    return deployment;
  }

  /** Where this machine finds an address such as `gateway:3000`. */
  url(address: string): string {
    return `http://127.0.0.1:${this.ports.get(address)}`;
  }

  /** The folder in the place of a named volume. */
  volume(name: string): string {
    return join(this.folder, 'volumes', name);
  }

  /** Starts a service whose command, or entrypoint, names its program. @param args what follows `docker compose run <service>` */
  start(name: string, ...args: string[]): Running {
    const { entrypoint = [], command = [] } = this.#compose.services[name]!;
    const [program = '', ...rest] = [...entrypoint, ...(args.length > 0 ? args : command)];
    return this.#spawn(name, this.#program(program), this.#localised(name, rest));
  }

  /** Starts a service whose program is its image's entrypoint. @param more arguments beyond those of the service */
  startAs(name: string, program: string, ...more: string[]): Running {
    return this.#spawn(name, program, [...this.#localised(name, this.#compose.services[name]!.command ?? []), ...more]);
  }

  #spawn(name: string, program: string, args: readonly string[]): Running {
    const { environment } = this.#compose.services[name]!;
    const child = spawn(program, args, {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        ...imageEnvironment(),
        ...Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, this.#local(name, value)])),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (child.pid === undefined) throw new Error(`${program} could not be started`);
    const release = guardServer(child.pid, this.folder);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve)).finally(release);
    const running = { child, ended, said: () => said };
    this.#running.set(name, running);
    return running;
  }

  /** What Docker would find by the service's health check. */
  healthy(name: string): boolean {
    const [kind, program = '', ...args] = this.#compose.services[name]!.healthcheck!.test;
    if (kind !== 'CMD') throw new Error(`The health check of ${name} needs a shell`);
    return spawnSync(this.#program(program), this.#localised(name, args), { timeout: 5_000 }).status === 0;
  }

  /** Ends a service as Docker does. Its exit code; null when a signal ended it. */
  async stop(name: string): Promise<number | null> {
    const running = this.#running.get(name);
    running?.child.kill('SIGTERM');
    return running ? running.ended : null;
  }

  /** What every process has said, for whoever looks into a failure. */
  report(): string {
    return [...this.#running].map(([name, { said }]) => `--- ${name}\n${said().slice(-4_000)}`).join('\n');
  }

  async remove(): Promise<void> {
    for (const { child } of this.#running.values()) child.kill('SIGKILL');
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
    await this.postgres.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #program(name: string): string {
    return this.programs[name] ?? name;
  }

  #localised(service: string, args: readonly string[]): string[] {
    return args.map((arg) => this.#local(service, arg));
  }

  /** A text of a service with the addresses, ports and paths of this machine. */
  #local(service: string, text: string): string {
    const port = (host: string, number: string) => this.ports.get(`${host}:${number}`);
    const own = port(service, text);
    if (own) return String(own);
    const addressed = text
      .replace(/\b([a-z]+):(\d+)/g, (all, host: string, number: string) =>
        port(host, number) ? `127.0.0.1:${port(host, number)}` : all,
      )
      .replace(/(127\.0\.0\.1|0\.0\.0\.0):(\d+)/g, (all, host: string, number: string) =>
        port(service, number) ? `${host}:${port(service, number)}` : all,
      );
    return this.#compose.services[service]!.volumes.reduce((result, volume) => {
      const [source = '', target = ''] = volume.split(':');
      const path = new RegExp(`(?<![\\w/.-])${target.replaceAll('.', '\\.')}(?=["/\\s]|$)`, 'g');
      return path.test(result) ? result.replace(path, this.#mounted(service, source)) : result;
    }, addressed);
  }

  /** A named volume as a folder, a file of the repository as a copy with local addresses. */
  #mounted(service: string, source: string): string {
    if (!source.startsWith('.')) {
      mkdirSync(this.volume(source), { recursive: true });
      return this.volume(source);
    }
    const path = join(ROOT, source);
    if (statSync(path).isDirectory()) return path;
    const copy = join(this.folder, basename(path));
    writeFileSync(copy, this.#local(service, readFileSync(path, 'utf8')));
    return copy;
  }

  /** What PostgreSQL's image does with its environment: a superuser, its password, its database. */
  async #makeDatabase(): Promise<void> {
    const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = this.#compose.services.postgres!.environment;
    const client = new pg.Client({ connectionString: this.postgres.url });
    await client.connect();
    try {
      await client.query(`CREATE ROLE ${POSTGRES_USER} SUPERUSER LOGIN PASSWORD '${POSTGRES_PASSWORD}'`);
      await client.query(`CREATE DATABASE ${POSTGRES_DB} OWNER ${POSTGRES_USER}`);
    } finally {
      await client.end();
    }
  }
}
