import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicateProvider } from '@darkroom/provider';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/servers.mjs';
import { eventually } from '../support/eventually.js';
import { AppProcess, assertBuilt } from './app-process.js';
import { SimulatorControl } from './simulator.js';

const MODEL = 'black-forest-labs/flux-schnell';

describe('kill -9 of the simulator', () => {
  let folder: string;
  let simulator: AppProcess;
  let provider: ReplicateProvider;

  beforeAll(async () => {
    assertBuilt();
    folder = await mkdtemp(join(tmpdir(), 'darkroom-simulator-'));
    const port = await freePort();
    const env = {
      SIMULATOR_PORT: String(port),
      SIMULATOR_RATE_LIMIT: '1000000',
      SIMULATOR_RUN_MS: '4000',
      SIMULATOR_DATA_DIR: join(folder, 'simulator'),
    };
    simulator = new AppProcess({ app: 'simulator', port, readyPath: '/control/counters', folder, env });
    await simulator.start();
    provider = new ReplicateProvider({ baseUrl: `${simulator.url}/v1`, token: 'any' });
  });
  afterAll(async () => {
    await simulator.end('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  it('in the midst of creates loses none that it answered, and all of them end', async () => {
    const began = new Date().toISOString();
    const answered: string[] = [];
    let unanswered = 0;
    const keepCreating = async (client: number) => {
      for (let n = 0; unanswered === 0; n += 1) {
        const input = { prompt: `client ${client}, number ${n}` };
        const creating = provider.create({ model: MODEL, version: null, input, cancelAfterSeconds: 60 });
        await creating.then(
          ({ id }) => answered.push(id),
          () => (unanswered += 1),
        );
      }
    };
    const clients = Array.from({ length: 8 }, (_, client) => keepCreating(client));
    await eventually(() => answered.length > 100);
    await provider.cancel(answered[0]!);
    await simulator.end('SIGKILL');
    await Promise.all(clients);
    await simulator.start();

    const listed = new Map<string, string>();
    for await (const { id, status } of provider.list(began)) listed.set(id, status);
    expect(answered.filter((id) => !listed.has(id))).toEqual([]);
    expect(listed.size).toBeLessThanOrEqual(answered.length + unanswered);
    expect(listed.get(answered[0]!)).toBe('canceled');
    const { predictions_created, by_input } = await new SimulatorControl(simulator.url).counters();
    expect(predictions_created).toBe(listed.size);
    expect(Math.max(...Object.values(by_input))).toBe(1);

    const control = new SimulatorControl(simulator.url);
    const having = async (wanted: string) => (await control.statuses('client')).filter((status) => status === wanted);
    await eventually(async () => (await having('succeeded')).length === listed.size - 1);
    expect(await having('canceled')).toHaveLength(1);
  }, 60_000);
});
