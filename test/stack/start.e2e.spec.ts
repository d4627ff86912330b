import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../support/eventually.js';
import { freePort, isAlive } from '../support/servers.mjs';
import { launch, type Launched, recordedProcesses } from './launch.js';

const projectRoot = resolve(import.meta.dirname, '../..');
const PNG_SIGNATURE = '89504e470d0a1a0a';

describe('npm start', () => {
  let folder: string;
  let dataDir: string;
  let env: NodeJS.ProcessEnv;
  let stack: Launched;
  let simulator: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'darkroom start '));
    await chmod(folder, 0o755);
    dataDir = join(folder, 'data');
    const [port, workerPort, simulatorPort] = [await freePort(), await freePort(), await freePort()];
    simulator = `http://127.0.0.1:${simulatorPort}`;
    env = {
      ...process.env,
      DATA_DIR: dataDir,
      PORT: String(port),
      WORKER_PORT: String(workerPort),
      SIMULATOR_PORT: String(simulatorPort),
    };
  });

  afterAll(async () => {
    if (isAlive(stack.pid)) process.kill(-stack.pid, 'SIGTERM');
    await stack.ended;
    await rm(folder, { recursive: true, force: true });
  });

  async function start(): Promise<{ key: string; gateway: string; pids: number[] }> {
    stack = launch('npm', ['start'], { cwd: projectRoot, env });
    const [, gateway = ''] = await stack.prints(/gateway {4}(http:\S+)/, 300_000);
    await stack.prints(/Ctrl-C ends all of it/);
    const key = /key {8}(\S+)/.exec(stack.output())?.[1] ?? '';
    return { key, gateway, pids: Object.values(await recordedProcesses(dataDir)) };
  }

  /** `npm run darkroom`, as a user's second terminal. */
  async function darkroom(...args: string[]): Promise<{ code: number | null; output: string }> {
    const command = launch('npm', ['run', '--silent', 'darkroom', '--', ...args], { cwd: projectRoot, env });
    const code = await command.ended;
    return { code, output: command.output() };
  }

  async function predictionsCreated(): Promise<number> {
    const counters = await fetch(`${simulator}/control/counters`);
    return ((await counters.json()) as { predictions_created: number }).predictions_created;
  }

  /** A generation whose prediction runs for `runMs`, once that runs. */
  async function generationThatTakes(
    runMs: number,
    { gateway, key }: { gateway: string; key: string },
  ): Promise<string> {
    const post = async (url: string, body: object) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
      const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
      return (await answer.json()) as { id: string };
    };
    const before = await predictionsCreated();
    await post(`${simulator}/control/config`, { run_ms: runMs });
    const { id } = await post(`${gateway}/v1/generations`, { prompt: 'a long night' });
    await eventually(async () => (await predictionsCreated()) > before);
    return id;
  }

  async function interrupt(pids: number[]): Promise<void> {
    process.kill(-stack.pid, 'SIGINT');
    await stack.ended;
    expect(pids.filter(isAlive)).toEqual([]);
  }

  it('makes an image by the command that it prints, ends on Ctrl-C, and the next start has the image and what ran', async () => {
    const first = await start();
    expect(first.pids).toHaveLength(5);
    const command = /\n( {2}KEY=[\s\S]*?image\.png)\n/.exec(stack.output())?.[1] ?? '';
    await promisify(execFile)('bash', ['-ec', command], { cwd: folder });
    const image = await readFile(join(folder, 'image.png'));
    expect(image.subarray(0, 8).toString('hex')).toBe(PNG_SIGNATURE);

    const rebuilt = await darkroom('rebuild');
    expect(rebuilt.output).toMatch(
      /^rebuild {3}\| loading [^]*\nrebuild {3}\| done: 6 events of 1 generations in .*\n$/,
    );
    expect(rebuilt.code).toBe(0);
    const running = await generationThatTakes(20_000, first);
    await interrupt(first.pids);

    const refused = await darkroom('rebuild');
    expect(refused.output.trim()).toBe(
      `Darkroom does not run from ${dataDir}: \`npm start\` it, or set NATS_URL and DATABASE_URL.`,
    );
    expect(refused.code).toBe(1);

    const second = await start();
    expect(second.key).toBe(first.key);
    const headers = { authorization: `Bearer ${second.key}` };
    const list = await fetch(`${second.gateway}/v1/generations`, { headers });
    const { data } = (await list.json()) as { data: { status: string; images: { id: string }[] }[] };
    const oldest = data.at(-1);
    expect(oldest).toMatchObject({ status: 'completed' });
    const content = await fetch(`${second.gateway}/v1/images/${oldest?.images[0]?.id}/content`, { headers });
    expect(Buffer.from(await content.arrayBuffer())).toEqual(image);

    await eventually(
      async () => {
        const generation = await fetch(`${second.gateway}/v1/generations/${running}`, { headers });
        return ((await generation.json()) as { status: string }).status === 'completed';
      },
      { timeoutMs: 60_000, what: 'the generation that ran when the stack ended' },
    );
    expect(await predictionsCreated()).toBe(2);
    await interrupt(second.pids);
  }, 400_000);
});
