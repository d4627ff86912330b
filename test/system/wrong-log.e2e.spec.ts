import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { cp, rm } from 'node:fs/promises';
import { startNats } from '../support/nats.js';
import type { AppProcess } from './app-process.js';
import { scenario, System } from './system.js';

describe('a worker whose database was projected from another log', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start();
  }, 60_000);
  afterAll(() => system.stop());

  async function makeImage(prompt: string): Promise<void> {
    const alice = await system.as('alice');
    const { position } = await alice.completed((await alice.request({ prompt })).id);
    await alice.list(position);
  }

  /** Every row of every table of the read models. */
  async function tables(): Promise<unknown[]> {
    const names = await system.rows<{ table_name: string }>(
      `SELECT table_name FROM information_schema.tables WHERE table_schema = 'read_model' ORDER BY table_name`,
    );
    return Promise.all(
      names.map(async ({ table_name }) => [
        table_name,
        await system.rows(`SELECT to_jsonb(t) AS row FROM read_model.${table_name} t ORDER BY to_jsonb(t)::text`),
      ]),
    );
  }

  async function expectRefusal(worker: AppProcess, reason: RegExp): Promise<void> {
    const before = await tables();
    const { code, stderr } = await worker.runToEnd();
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(reason)]);
    expect(await tables()).toEqual(before);
  }

  scenario(
    'ends with one line that says so, and changes nothing',
    () => system,
    async () => {
      await makeImage('in the right log');
      await system.workers[0]!.end('SIGTERM');

      const other = await startNats();
      try {
        await expectRefusal(
          await system.makeWorker({ NATS_URL: other.url }),
          /^The worker cannot go on: .* projected from log .* but this is log/,
        );
      } finally {
        await other.stop();
      }
      await system.workers[0]!.start();
      await makeImage('in the right log again');
    },
  );

  scenario(
    'ends likewise when the log was restored from a backup that is older than the tables',
    () => system,
    async () => {
      const backup = `${system.nats.dir}.backup`;
      try {
        await system.nats.kill9();
        await cp(system.nats.dir, backup, { recursive: true });
        await system.nats.restart();
        await system.workers[0]!.end('SIGTERM');
        await system.workers[0]!.start();
        await makeImage('after the backup');
        await system.workers[0]!.end('SIGTERM');

        await system.nats.kill9();
        await rm(system.nats.dir, { recursive: true });
        await cp(backup, system.nats.dir, { recursive: true });
        await system.nats.restart();
        await expectRefusal(
          await system.makeWorker(),
          /^The worker cannot go on: The log ends at position \d+, but the read models reflect it up to \d+/,
        );
      } finally {
        await rm(backup, { recursive: true, force: true });
      }
    },
  );
});
