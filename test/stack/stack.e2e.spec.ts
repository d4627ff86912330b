import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connect } from '@nats-io/transport-node';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { endProcess, freePort, isAlive } from '../support/servers.mjs';
import { launch, type Launched, recordedProcesses } from './launch.js';

const script = join(import.meta.dirname, 'fixtures', 'stack.mjs');

let dataDir: string;
let ports: [number, number];
let launched: Launched[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'darkroom stack '));
  await chmod(dataDir, 0o755);
  ports = [await freePort(), await freePort()];
  launched = [];
});

afterEach(async () => {
  for (const { pid, ended } of launched) {
    if (isAlive(pid)) process.kill(pid, 'SIGTERM');
    await ended;
  }
  for (const pid of Object.values(await recordedProcesses(dataDir))) {
    await endProcess(pid, [{ signal: 'SIGKILL', graceMs: 10_000 }]);
  }
  await rm(dataDir, { recursive: true, force: true });
});

function start(): Launched {
  const stack = launch(process.execPath, [script, dataDir, ...ports.map(String)], { env: process.env });
  launched.push(stack);
  return stack;
}

async function startUntilReady(): Promise<{ stack: Launched; databaseUrl: string; natsUrl: string; pids: number[] }> {
  const stack = start();
  const [, addresses = ''] = await stack.prints(/addresses (\{.*\})/);
  await stack.prints(/everything is ready/);
  const { databaseUrl, natsUrl } = JSON.parse(addresses) as { databaseUrl: string; natsUrl: string };
  return { stack, databaseUrl, natsUrl, pids: Object.values(await recordedProcesses(dataDir)) };
}

async function rowsOf(databaseUrl: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

const survivors = (pids: number[]) => pids.filter(isAlive);

describe('the local stack', () => {
  it('ends in reverse order on Ctrl-C, leaves nothing running, and finds its data at the next start', async () => {
    const first = await startUntilReady();
    expect(first.pids).toHaveLength(4);
    await rowsOf(first.databaseUrl, 'CREATE TABLE kept AS SELECT 1 AS one');
    const before = await connect({ servers: first.natsUrl });
    await (await jetstreamManager(before)).streams.add({ name: 'KEPT', subjects: ['kept'] });
    await jetstream(before).publish('kept', 'fact');
    await before.close();

    // What a terminal does, and what npm does on top: the group gets the signal, then the process once more.
    process.kill(-first.stack.pid, 'SIGINT');
    process.kill(first.stack.pid, 'SIGINT');
    expect(await first.stack.ended).toBe(0);
    expect(survivors(first.pids)).toEqual([]);
    expect(first.stack.output()).toMatch(/gateway +\| stopped[\s\S]*worker +\| stopped/);

    const second = await startUntilReady();
    expect(second.databaseUrl).toBe(first.databaseUrl);
    expect(second.natsUrl).toBe(first.natsUrl);
    expect(await rowsOf(second.databaseUrl, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
    const after = await connect({ servers: second.natsUrl });
    const { state } = await (await jetstreamManager(after)).streams.info('KEPT');
    await after.close();
    expect(state.messages).toBe(1);
  });

  const asRoot = process.getuid?.() === 0 ? it : it.skip;
  asRoot('keeps the database elsewhere when the account of PostgreSQL cannot enter the folder', async () => {
    await chmod(dataDir, 0o700);
    const first = await startUntilReady();
    await rowsOf(first.databaseUrl, 'CREATE TABLE kept AS SELECT 1 AS one');
    process.kill(first.stack.pid, 'SIGINT');
    await first.stack.ended;
    const elsewhere = await realpath(join(dataDir, 'postgres'));
    expect(elsewhere.startsWith(dataDir)).toBe(false);

    const second = await startUntilReady();
    expect(await rowsOf(second.databaseUrl, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
    process.kill(second.stack.pid, 'SIGINT');
    await second.stack.ended;
    await rm(elsewhere, { recursive: true });
  });

  it('puts right what a killed start left running', async () => {
    const killed = await startUntilReady();
    process.kill(killed.stack.pid, 'SIGKILL');
    await killed.stack.ended.catch(() => undefined);
    expect(survivors(killed.pids)).toHaveLength(4);

    const { stack, databaseUrl } = await startUntilReady();
    expect(survivors(killed.pids)).toEqual([]);
    expect(stack.output()).toMatch(/ended postgres \(process \d+\), which a killed start had left running/);
    expect(await rowsOf(databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is refused while another one runs from the same folder, which goes on', async () => {
    const first = await startUntilReady();
    const second = start();
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(`Darkroom already runs from ${dataDir} (process ${first.stack.pid})`);
    expect(survivors(first.pids)).toHaveLength(4);
  });

  it.each(['worker', 'gateway'])('ends with the reason when its %s crashes', async (name) => {
    const { stack, pids } = await startUntilReady();
    await fetch(`http://127.0.0.1:${name === 'worker' ? ports[0] : ports[1]}/crash`).catch(() => undefined);
    expect(await stack.ended).toBe(1);
    expect(stack.output()).toContain(`${name} ended with code 7`);
    expect(stack.output()).toContain(`stack     | Error: ${name} ran out of film`);
    expect(survivors(pids)).toEqual([]);
  });

  it.each(['nats', 'postgres'])('ends with the reason when its %s is killed', async (name) => {
    const { stack, pids } = await startUntilReady();
    process.kill((await recordedProcesses(dataDir))[name] ?? 0, 'SIGKILL');
    expect(await stack.ended).toBe(1);
    expect(stack.output()).toContain(`${name} was ended by SIGKILL`);
    expect(survivors(pids)).toEqual([]);
  });

  it('names a taken port and the variable to set, before it starts anything', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(ports[1], '127.0.0.1', resolve));
    const stack = start();
    expect(await stack.ended).toBe(1);
    squatter.close();
    expect(stack.output()).toContain(`Port ${ports[1]} is taken by another program: free it, or set PORT`);
    expect(stack.output()).not.toContain('PostgreSQL on');
  });

  it('ends cleanly when it is stopped before it is ready', async () => {
    const stack = start();
    await stack.prints(/PostgreSQL on/);
    const pids = Object.values(await recordedProcesses(dataDir));
    process.kill(stack.pid, 'SIGTERM');
    expect(await stack.ended).toBe(0);
    expect(survivors(pids)).toEqual([]);
    expect(await recordedProcesses(dataDir)).toEqual({});
  });
});
