import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { cp, rm } from 'node:fs/promises';
import { startNats } from '../support/nats.js';
import type { AppProcess, Ending } from './app-process.js';
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

  function expectRefusal(worker: AppProcess, { code }: Ending, reason: RegExp): void {
    expect(worker.stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(reason)]);
    expect(code).toBe(1);
  }

  scenario(
    'ends with one line that says so, and changes nothing',
    () => system,
    async () => {
      await makeImage('in the right log');
      await system.workers[0]!.end('SIGTERM');

      const before = await tables();

      const other = await startNats();
      try {
        const worker = await system.makeWorker({ NATS_URL: other.url });
        const reason = /^The worker cannot go on: The read models were projected from log \S+, but this is log \S+\. /;
        expectRefusal(worker, await worker.runToEnd(), reason);
      } finally {
        await other.stop();
      }
      expect(await tables()).toEqual(before);
      await system.workers[0]!.start();
      await makeImage('in the right log again');
    },
  );

  scenario(
    'ends likewise when its log is replaced by a backup that is older than the tables, even while it runs',
    () => system,
    async () => {
      const { nats } = system;
      const [worker] = system.workers;
      const backup = `${nats.dir}.backup`;
      const reason =
        /^The worker cannot go on: The log ends at position \d+, but the read models reflect it up to \d+: /;
      try {
        await nats.kill9();
        await cp(nats.dir, backup, { recursive: true });
        await nats.restart();
        await system.settled();
        await makeImage('after the backup');
        const before = await tables();

        await nats.kill9();
        await rm(nats.dir, { recursive: true });
        await cp(backup, nats.dir, { recursive: true });
        await nats.restart();
        expectRefusal(worker!, await worker!.ends(), reason);
        const another = await system.makeWorker();
        expectRefusal(another, await another.runToEnd(), reason);
        expect(await tables()).toEqual(before);
      } finally {
        await rm(backup, { recursive: true, force: true });
      }
    },
  );
});
