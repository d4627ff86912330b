import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { Client, tokenOf } from './client.js';
import { scenario, System } from './system.js';

const LIMIT = 40;
const json = { prompt: 'one of many' };

interface Limit {
  readonly used: number;
  readonly limit: number;
  readonly resets_at: string;
}

describe('a user’s limit and two gateways', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start({ gateways: 2, workers: 1 });
  }, 60_000);
  afterAll(() => system.stop());

  scenario(
    'is used up exactly, though one gateway is killed amid 200 parallel requests',
    () => system,
    async () => {
      const token = `Bearer ${await tokenOf('alice', { limits: { hourly: 0, daily: LIMIT } })}`;
      const [survivor, victim] = system.gateways.map(({ url }) => new Client(url, token)) as [Client, Client];
      const limit = async () => (await survivor.send('/v1/limits')).json.daily as Limit;
      const farFromMidnight = async () => Date.parse((await limit()).resets_at) - Date.now() > 120_000;
      await eventually(farFromMidnight, { timeoutMs: 130_000 });

      const post = (client: Client) =>
        client.send('/v1/generations', { json }).then(
          ({ status }) => status,
          () => 'cut off' as const,
        );
      const killed = (async () => {
        // The first have been counted, and their gateway is about to append them.
        while ((await limit()).used === 0);
        await system.gateways[1]!.end('SIGKILL');
      })();
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, index) => post(index % 10 === 0 ? survivor : victim)),
      );
      await killed;
      expect(answers).toContain('cut off');
      expect(answers.filter((answer) => answer === 202).length).toBeLessThanOrEqual(LIMIT);

      // What the dead one had counted and not appended comes back; what it had appended does not.
      const inLog = async () => (await survivor.list((await system.log()).last)).length;
      await eventually(async () => (await post(survivor), (await inLog()) === LIMIT), {
        timeoutMs: 60_000,
        what: 'the last place to be had',
      });
      for (let index = 0; index < 5; index++) expect(await post(survivor)).toBe(429);
      expect(await inLog()).toBe(LIMIT);
      expect(await limit()).toMatchObject({ used: LIMIT, limit: LIMIT });
    },
    260_000,
  );
});
