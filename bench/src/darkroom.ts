import { SignJWT } from 'jose';
import { join } from 'node:path';
import type { BenchOptions } from './options.js';
import { freePort, MeasuredProcess } from './processes.js';

const JWT_SECRET = 'a secret of the benchmarks, 32 bytes!';

/** What the requests of every benchmark ask for: a small image, since the simulator draws it on the same machine. */
export const REQUEST = {
  prompt: 'a lighthouse at dusk, oil on canvas, seen from a small boat',
  aspect_ratio: '3:2',
  num_outputs: 1,
  output_format: 'webp',
  seed: 7,
  model_options: { megapixels: '0.25' },
  metadata: { project: 'benchmarks' },
};

/** Darkroom's own processes as they are built, in their default settings but for addresses, secrets and limits of users. */
export class Darkroom {
  constructor(
    private readonly options: BenchOptions,
    private readonly databaseUrl: string,
  ) {}

  gateway(): Promise<MeasuredProcess> {
    const env = { AUTH_JWT_SECRET: JWT_SECRET, LIMIT_HOURLY: '0', LIMIT_DAILY: '0', LIMIT_CONCURRENT: '0' };
    return this.#start('gateway', 'PORT', '/health/ready', env);
  }

  /** @param own settings that differ from the other benchmarks' */
  worker(simulator: MeasuredProcess, own: Readonly<Record<string, string>> = {}): Promise<MeasuredProcess> {
    return this.#start('worker', 'WORKER_PORT', '/health/ready', {
      REPLICATE_API_TOKEN: 'simulator',
      REPLICATE_BASE_URL: `${simulator.url}/v1`,
      // As much as the simulator allows: Darkroom is measured, and not Replicate's limits.
      REPLICATE_CREATES_PER_MINUTE: '1000000',
      REPLICATE_CALLS_PER_MINUTE: '1000000',
      ALLOW_PRIVATE_URLS: 'true',
      ...own,
    });
  }

  simulator(runMs: number): Promise<MeasuredProcess> {
    const env = { SIMULATOR_RUN_MS: String(runMs), SIMULATOR_RATE_LIMIT: '1000000' };
    return this.#start('simulator', 'SIMULATOR_PORT', '/control/counters', env);
  }

  async #start(
    app: string,
    portName: string,
    readyPath: string,
    env: Record<string, string>,
  ): Promise<MeasuredProcess> {
    const { natsUrl, folder, appEnv } = this.options;
    const port = await freePort();
    const servers = { NATS_URL: natsUrl, DATABASE_URL: this.databaseUrl, DATA_DIR: folder };
    return MeasuredProcess.start({
      name: app,
      main: join('apps', app, 'src', 'main.js'),
      env: { ...appEnv, ...servers, [portName]: String(port), ...env },
      port,
      readyPath,
      folder,
    });
  }
}

/** The `Authorization` of a user. */
export async function bearer(user: string): Promise<string> {
  const token = await new SignJWT({ sub: user, exp: Math.floor(Date.now() / 1_000) + 3_600 })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(JWT_SECRET));
  return `Bearer ${token}`;
}
