import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { eventually } from '../support/eventually.js';
import { endProcess, freePort, guardServer } from '../support/servers.mjs';
import { ROOT } from './compose-file.js';
import { readText } from './monitoring-files.js';

interface PrometheusConfig {
  global: Record<string, string>;
  scrape_configs: { job_name: string; dns_sd_configs?: { names: string[] }[]; static_configs?: object[] }[];
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

export interface RuleState {
  readonly name: string;
  readonly type: 'alerting' | 'recording';
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
  /** Of alerts. */
  readonly state?: 'inactive' | 'pending' | 'firing';
}

/** A Prometheus with the project's configuration and rules, that looks every second. */
export class Prometheus {
  private constructor(
    private readonly url: string,
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly release: () => void,
  ) {}

  /** @param targets addresses of each service of docker-compose.yml */
  static async start(program: string, targets: Readonly<Record<string, readonly string[]>>): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'darkroom-prometheus-'));
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    cpSync(join(ROOT, 'deploy/prometheus'), folder, { recursive: true });
    await writeFile(join(folder, 'prometheus.yml'), configFor({ ...targets, prometheus: [address] }));
    const args = [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${address}`,
    ];
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const started = new Prometheus(`http://${address}`, child, folder, guardServer(child.pid!, folder));
    try {
      await eventually(async () => (await fetch(`${started.url}/-/ready`)).ok, { what: 'Prometheus to be ready' });
    } catch (error) {
      await started.stop();
      throw new Error(`Prometheus did not start:\n${said}`, { cause: error });
    }
    return started;
  }

  /** @throws Error when Prometheus refuses the expression */
  async query(expr: string): Promise<Sample[]> {
    return (await this.#get<{ result: Sample[] }>(`query?${new URLSearchParams({ query: expr }).toString()}`)).result;
  }

  async rules(): Promise<RuleState[]> {
    return (await this.#get<{ groups: { rules: RuleState[] }[] }>('rules')).groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    await endProcess(this.child.pid!, [
      { signal: 'SIGTERM', graceMs: 5_000 },
      { signal: 'SIGKILL', graceMs: 5_000 },
    ]);
    await rm(this.folder, { recursive: true, force: true });
    this.release();
  }

  async #get<T>(path: string): Promise<T> {
    const answer = (await (await fetch(`${this.url}/api/v1/${path}`)).json()) as { data: T; error?: string };
    if (answer.error !== undefined) throw new Error(`Prometheus: ${answer.error}`);
    return answer.data;
  }
}

/** The project's prometheus.yml with these addresses instead of names, and a second instead of each interval. */
function configFor(targets: Readonly<Record<string, readonly string[]>>): string {
  const config = parse(readText('deploy/prometheus/prometheus.yml')) as PrometheusConfig;
  for (const name of Object.keys(config.global)) config.global[name] = '1s';
  config.scrape_configs = config.scrape_configs.map((job) => {
    const services = job.dns_sd_configs?.flatMap(({ names }) => names) ?? [job.job_name];
    return { job_name: job.job_name, static_configs: [{ targets: services.flatMap((name) => targets[name] ?? []) }] };
  });
  return stringify(config);
}
