import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseEnvironment } from '@darkroom/config';
import { DCLinter } from 'dclint';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { cliVariables } from '../../apps/cli/src/config.js';
import { gatewayVariables } from '../../apps/gateway/src/config.js';
import { configSchema as simulatorVariables } from '../../apps/simulator/src/config.js';
import { workerVariables } from '../../apps/worker/src/config.js';
import { type Compose, composeVariables, readCompose, readEnvFile, ROOT, type Service } from './compose-file.js';
import { COMPOSE, findProgram } from './programs.js';

/** Rules of the linter about what runs, not about how the file looks. */
const RULES = [
  'invalid-yaml',
  'invalid-schema',
  'no-duplicate-container-names',
  'no-duplicate-exported-ports',
  'service-image-require-explicit-tag',
];

/** What each app reads, and what of it a user of containers does not set: one machine, and addresses inside of it. */
const APPS = {
  gateway: { schema: gatewayVariables, notSet: ['NATS_CREDS', 'NATS_REPLICAS', 'NATS_ACK_WAIT', 'STORAGE_URL'] },
  worker: { schema: workerVariables, notSet: ['NATS_CREDS', 'NATS_REPLICAS', 'NATS_ACK_WAIT', 'STORAGE_URL'] },
  cli: { schema: cliVariables, notSet: ['NATS_CREDS', 'STORAGE_URL'] },
  simulator: {
    schema: simulatorVariables,
    notSet: [
      'SIMULATOR_RUN_MS',
      'SIMULATOR_FILE_TTL',
      'SIMULATOR_WEBHOOK_SECRET',
      'SIMULATOR_RATE_LIMIT',
      'SIMULATOR_DATA_DIR',
    ],
  },
} as const;

const complaints = (file: string): string[] => {
  const linter = new DCLinter({ rules: {}, quiet: true, debug: false, exclude: [] });
  const messages = linter.lintFiles([file], false).flatMap((result) => result.messages);
  return messages.filter(({ rule }) => RULES.includes(rule)).map(({ rule, message }) => `${rule}: ${message}`);
};

const { path: composeProgram, why } = await findProgram(COMPOSE);

describe('docker-compose.yml', () => {
  let folder: string;
  let env: Record<string, string>;
  let compose: Compose;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'darkroom-compose-'));
    for (const path of ['docker-compose.yml', 'Dockerfile', '.env.example', 'deploy']) {
      cpSync(join(ROOT, path), join(folder, path), { recursive: true });
    }
    execFileSync('sh', [join(folder, 'deploy/new-env.sh')]);
    env = readEnvFile(readFileSync(join(folder, '.env'), 'utf8'));
    compose = readCompose(env);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is valid by the Compose specification', () => {
    expect(complaints(join(ROOT, 'docker-compose.yml'))).toEqual([]);

    const broken = join(folder, 'broken.yml');
    writeFileSync(
      broken,
      readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8').replace('start_period', 'start_pause'),
    );
    expect(complaints(broken)).toEqual([expect.stringContaining('invalid-schema')]);
  });

  (composeProgram ? it : it.skip)(`is read by Docker Compose as it is by these tests${why}`, () => {
    const config = execFileSync(composeProgram!, ['--profile', 'simulator', '--profile', 'tools', 'config'], {
      cwd: folder,
      encoding: 'utf8',
    });
    const told = parse(config) as Compose;
    const parts = ({ image, command, entrypoint, environment = {}, healthcheck }: Service) => {
      const texts = Object.entries(environment).map(([name, value]) => [name, String(value)]);
      return { image, command, entrypoint, environment: Object.fromEntries(texts), test: healthcheck?.test };
    };
    expect(Object.keys(told.services).sort()).toEqual(Object.keys(compose.services).sort());
    for (const [name, service] of Object.entries(compose.services)) {
      expect(parts(told.services[name]!)).toEqual(parts(service));
    }
  });

  it('pins every image to a full version, and names no registry', () => {
    const images = Object.values(compose.services).map(({ image }) => image);
    const foreign = images.filter((image) => image !== 'darkroom:local');
    const base = /^FROM (\S+) AS base$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))?.[1];
    for (const image of [...foreign, base]) {
      expect(image).toMatch(/^([a-z]+\/)?[a-z]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)*$/);
    }
    expect(compose.services.gateway?.build).toBe('.');
  });

  it.each(Object.keys(APPS) as (keyof typeof APPS)[])('sets what %s reads, and nothing else', (app) => {
    const { schema, notSet } = APPS[app];
    const { environment } = compose.services[app]!;
    const known = Object.keys(schema.shape);
    expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
    expect(known.filter((name) => !(name in environment))).toEqual(notSet);
    expect(() => parseEnvironment(schema, environment)).not.toThrow();
  });

  it('gives the apps one place for images and no other that can be written', () => {
    for (const app of ['gateway', 'worker']) {
      const { environment, volumes } = compose.services[app]!;
      expect({ dataDir: environment.DATA_DIR, volumes }).toEqual({ dataDir: '/data', volumes: ['images:/data'] });
    }
    expect(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')).toContain('mkdir /data && chown node:node /data');
  });

  it('opens ports on 127.0.0.1 only, and none of a store', () => {
    const ports = Object.values(compose.services).flatMap((service) => service.ports);
    expect(ports.map((port) => port.split(':')[0])).toEqual(ports.map(() => '127.0.0.1'));
    for (const store of ['nats', 'postgres']) {
      expect(compose.services[store]).toMatchObject({ ports: [], networks: ['stores'] });
    }
    expect(compose.networks.stores).toEqual({ internal: true });
  });

  it('refers only to what is there', () => {
    for (const { depends_on = {}, networks, volumes } of Object.values(compose.services)) {
      const others = Array.isArray(depends_on) ? (depends_on as string[]) : Object.keys(depends_on);
      expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(others));
      expect(Object.keys(compose.networks)).toEqual(expect.arrayContaining([...networks]));
      for (const [source = ''] of volumes.map((volume) => volume.split(':'))) {
        expect(source.startsWith('.') ? existsSync(join(ROOT, source)) : source in compose.volumes).toBe(true);
      }
    }
  });

  it('has a health check for everything that stays', () => {
    const without = Object.entries(compose.services).filter(([, service]) => !service.healthcheck);
    expect(without.map(([name]) => name)).toEqual(['cli']);
  });

  it('refuses to start without secrets, saying what to do', () => {
    for (const name of ['AUTH_JWT_SECRET', 'ADMIN_API_KEY', 'POSTGRES_PASSWORD', 'GRAFANA_ADMIN_PASSWORD']) {
      expect(() => readCompose({ ...env, [name]: '' })).toThrow(
        /missing a value: make a \.env with sh deploy\/new-env/,
      );
    }
  });

  it('asks for no variable that .env.example does not tell of, nor the other way round', () => {
    const example = readFileSync(join(ROOT, '.env.example'), 'utf8');
    expect(composeVariables().filter((name) => !new RegExp(`\\b${name}\\b`).test(example))).toEqual([]);
    const known = [...composeVariables(), 'COMPOSE_PROFILES'];
    expect(Object.keys(readEnvFile(example)).filter((name) => !known.includes(name))).toEqual([]);
  });

  it('gets a .env with secrets of its own, which nobody else can read and nothing overwrites', () => {
    const secrets = ['AUTH_JWT_SECRET', 'ADMIN_API_KEY', 'POSTGRES_PASSWORD', 'GRAFANA_ADMIN_PASSWORD'].map(
      (name) => env[name],
    );
    for (const secret of secrets) expect(secret).toMatch(/^[0-9a-f]{48}$/);
    expect(new Set(secrets).size).toBe(secrets.length);
    expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600);

    const before = readFileSync(join(folder, '.env'), 'utf8');
    const again = spawnSync('sh', [join(folder, 'deploy/new-env.sh')], { encoding: 'utf8' });
    expect({ status: again.status, said: again.stderr }).toEqual({
      status: 1,
      said: expect.stringContaining('is there already'),
    });
    expect(readFileSync(join(folder, '.env'), 'utf8')).toBe(before);
  });
});
