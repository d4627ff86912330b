import { bucketKey, type Documents } from '@darkroom/events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { parseMetrics } from '../../../../test/system/metrics-text.js';
import { ADMIN_KEY, NO_POSTGRES, startGateway, type Answer, type TestGateway } from '../../test/gateway-fixture.js';
import { sendGraphql } from '../../test/graphql.js';
import { failGeneration, lastPosition } from '../../test/play-worker.js';
import { limits } from '../rest/answers.schema.js';

const HOUR_MS = 3_600_000;
const json = { prompt: 'a lighthouse' };

describe('limits', () => {
  let nats: TestNats;
  let gateways: [TestGateway, TestGateway];
  /** Of the gateways' limits. An hour of tomorrow, so that no test runs into a real one. */
  let now = Date.now() - (Date.now() % 86_400_000) + 86_400_000 + 10 * HOUR_MS;

  beforeAll(async () => {
    nats = await startNats();
    const env = { NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES, LIMIT_HOURLY: '3', LIMIT_DAILY: '5' };
    const start = () => startGateway(env, undefined, undefined, () => now);
    gateways = [await start(), await start()];
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await nats.stop();
  });

  interface Who {
    readonly claims?: object;
    readonly key?: string;
    readonly gateway?: number;
    readonly body?: object;
  }
  const post = (user: string, { claims, key, gateway = 0, body = json }: Who = {}) =>
    gateways[gateway]!.send('/v1/generations', {
      user,
      json: body,
      claims: { ...claims },
      headers: key === undefined ? {} : { 'idempotency-key': key },
    });
  const posts = async (user: string, count: number, who?: Who) => {
    const all: number[] = [];
    for (let index = 0; index < count; index++) all.push((await post(user, { ...who, gateway: index % 2 })).status);
    return all;
  };
  const shown = async (user: string, claims?: object, gateway = 0) => {
    const answer = await gateways[gateway]!.send('/v1/limits', { user, claims: { ...claims } });
    expect(answer.status).toBe(200);
    return limits.parse(answer.json);
  };
  const countOf = (answers: readonly Answer[], status: number) =>
    answers.filter((answer) => answer.status === status).length;

  async function inLog(user: string): Promise<number> {
    const { reader } = gateways[0].log;
    const { last } = await reader.identify();
    const stop = new AbortController();
    let count = 0;
    for await (const batch of reader.read(0, { signal: stop.signal })) {
      count += batch.filter(({ type, userId }) => type === 'GenerationRequested' && userId === user).length;
      if (batch.at(-1)!.position >= last) break;
    }
    return count;
  }

  it('are exact under 200 parallel requests of one user to two gateways, and disturb nobody else', async () => {
    const claims = { limits: { hourly: 50, daily: 60 } };
    const parallel = Array.from({ length: 200 }, (_, index) => post('crowd', { claims, gateway: index % 2 }));
    const other = posts('bystander', 3);
    const answers = await Promise.all(parallel);
    expect(await other).toEqual([202, 202, 202]);
    expect([countOf(answers, 202), countOf(answers, 429)]).toEqual([50, 150]);
    expect(await inLog('crowd')).toBe(50);
    for (const gateway of [0, 1]) {
      expect(await shown('crowd', claims, gateway)).toMatchObject({
        hourly: { used: 50, limit: 50 },
        daily: { used: 50, limit: 60 },
      });
    }
    const left = answers.flatMap(({ status, headers }) => {
      return status === 202 ? [Number(/"hourly";r=(\d+)/.exec(headers.get('ratelimit')!)?.[1])] : [];
    });
    expect(left.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index));
  });

  it('refuse with all that a client needs to know, and keep nothing', async () => {
    expect(await posts('told', 3)).toEqual([202, 202, 202]);
    const before = await lastPosition(gateways[0]);
    const refused = await post('told', { key: 'k-told' });
    expect(refused.json).toMatchObject({
      status: 429,
      code: 'rate_limited',
      detail: `The hourly limit of 3 generations is reached until ${new Date(now + HOUR_MS).toISOString()}`,
    });
    expect(refused.headers.get('retry-after')).toBe('3600');
    expect(refused.headers.get('ratelimit-policy')).toBe('"hourly";q=3;w=3600, "daily";q=5;w=86400');
    expect(refused.headers.get('ratelimit')).toBe('"hourly";r=0;t=3600, "daily";r=2;t=50400');
    expect(await lastPosition(gateways[0])).toBe(before);
    // Its key neither: another body takes it later.
    now += HOUR_MS;
    expect((await post('told', { key: 'k-told', body: { ...json, seed: 1 } })).status).toBe(202);
  });

  it('begin anew with the hour and the day, and the longer one has the last word', async () => {
    expect(await posts('patient', 4)).toEqual([202, 202, 202, 429]);
    now += HOUR_MS;
    expect(await posts('patient', 3)).toEqual([202, 202, 429]);
    const midnight = now - (now % 86_400_000) + 86_400_000;
    const { headers, json: problem } = await post('patient');
    expect(problem.detail).toContain('daily limit of 5');
    expect(Number(headers.get('retry-after'))).toBe((midnight - now) / 1_000);
    now += HOUR_MS;
    expect((await post('patient')).status).toBe(429);
    expect(await shown('patient')).toEqual({
      hourly: { used: 0, limit: 3, resets_at: new Date(now + HOUR_MS).toISOString() },
      daily: { used: 5, limit: 5, resets_at: new Date(midnight).toISOString() },
      concurrent: { used: 0, limit: null, resets_at: null },
    });
    now = midnight - 1;
    expect((await post('patient')).status).toBe(429);
    now = midnight;
    expect(await posts('patient', 4)).toEqual([202, 202, 202, 429]);
    now += 10 * HOUR_MS;
  });

  it('count a request that is repeated with its key once, and answer what was accepted even over the limit', async () => {
    const twenty = Array.from({ length: 20 }, (_, index) => post('double', { key: 'k-double', gateway: index % 2 }));
    const ids = (await Promise.all(twenty)).map((answer) => `${answer.status} ${answer.json.id}`);
    expect(new Set(ids).size).toBe(1);
    expect(await posts('double', 3)).toEqual([202, 202, 429]);
    const again = await post('double', { key: 'k-double', gateway: 1 });
    expect(`${again.status} ${again.json.id}`).toBe(ids[0]);
    expect(again.headers.get('ratelimit')).toBeNull();
    expect((await shown('double')).hourly.used).toBe(3);
    expect(await inLog('double')).toBe(3);
  });

  it('accept with the same key what they refused in the hour before', async () => {
    expect(await posts('again', 3)).toEqual([202, 202, 202]);
    expect((await post('again', { key: 'k-again' })).status).toBe(429);
    now += HOUR_MS;
    const accepted = await post('again', { key: 'k-again', gateway: 1 });
    expect(accepted.status).toBe(202);
    expect((await post('again', { key: 'k-again' })).json.id).toBe(accepted.json.id);
    expect((await shown('again')).hourly.used).toBe(1);
  });

  it('hold at the last place for many different keys at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => post('keys', { key: `k-${index}`, gateway: index % 2 })),
    );
    expect([countOf(answers, 202), countOf(answers, 429)]).toEqual([3, 37]);
    expect(await inLog('keys')).toBe(3);
    now += HOUR_MS;
    const refused = answers.findIndex(({ status }) => status === 429);
    expect((await post('keys', { key: `k-${refused}` })).status).toBe(202);
  });

  it('count neither what is not valid, nor a quote, nor the retry of what failed', async () => {
    const { json: accepted } = await post('careful');
    await failGeneration(gateways[0], accepted.id);
    expect((await post('careful', { body: { prompt: '' } })).status).toBe(422);
    const quote = { user: 'careful', json };
    expect((await gateways[0].send('/v1/generations?dry_run=true', quote)).status).toBe(200);
    const retry = { user: 'careful', method: 'POST' };
    expect((await gateways[0].send(`/v1/generations/${accepted.id}/retry`, retry)).status).toBe(200);
    expect((await shown('careful')).hourly.used).toBe(1);
    const scheduled_at = new Date(now + 100 * HOUR_MS).toISOString();
    expect((await post('careful', { body: { ...json, scheduled_at } })).json.status).toBe('scheduled');
    expect((await shown('careful')).hourly.used).toBe(2);
  });

  it('are the token’s own where it carries some, and none for operators', async () => {
    const own = { limits: { hourly: 4, concurrent: 7 } };
    expect(await posts('vip', 5, { claims: own })).toEqual([202, 202, 202, 202, 429]);
    expect(await shown('vip', own)).toMatchObject({
      hourly: { used: 4, limit: 4 },
      daily: { used: 4, limit: 5 },
      concurrent: { used: 0, limit: 7, resets_at: null },
    });
    const unlimited = { limits: { hourly: 0, daily: 0 } };
    expect(await posts('vip', 4, { claims: unlimited })).toEqual([202, 202, 202, 202]);
    const none = { used: 0, limit: null, resets_at: null };
    expect(await shown('vip', unlimited)).toEqual({ hourly: none, daily: none, concurrent: none });

    const admin = { claims: { role: 'admin', limits: { hourly: 1, concurrent: 1 } } };
    expect(await posts('root', 4, admin)).toEqual([202, 202, 202, 202]);
    const byKey = { user: null, json, headers: { authorization: `Bearer ${ADMIN_KEY}` } };
    for (let index = 0; index < 4; index++) {
      const answer = await gateways[0].send('/v1/generations', byKey);
      expect([answer.status, answer.headers.get('ratelimit')]).toEqual([202, null]);
    }
  });

  it('of what runs at once go into the log with the request', async () => {
    const limitOf = async (claims: object) => {
      const { json: accepted } = await post('runner', { claims });
      const [event] = (await gateways[0].log.store.load(accepted.id)).events;
      return (event?.data as { concurrency_limit?: unknown }).concurrency_limit;
    };
    expect(await limitOf({ limits: { concurrent: 2 } })).toBe(2);
    expect(await limitOf({})).toBeNull();
    expect(await limitOf({ role: 'admin', limits: { concurrent: 2 } })).toBeNull();
  });

  it('show how many run at once', async () => {
    const slots: Documents = gateways[0].log.slots();
    const running = { '01890a5d-ac96-774b-bcce-b302099a8050': 3, '01890a5d-ac96-774b-bcce-b302099a8060': 2 };
    await slots.put(bucketKey('busy'), JSON.stringify({ user_id: 'busy', running }), 0);
    expect((await shown('busy', { limits: { concurrent: 5 } })).concurrent).toEqual({
      used: 2,
      limit: 5,
      resets_at: null,
    });
  });

  it('are told and enforced alike by GraphQL', async () => {
    const mutation = 'mutation { it: requestGeneration(input: {prompt: "x"}) { id } }';
    const query =
      '{ limits { hourly { ...l } daily { ...l } concurrent { ...l } } } fragment l on Limit { used limit resetsAt }';
    const user = { user: 'graph' };
    for (let index = 0; index < 3; index++) {
      expect((await sendGraphql(gateways[0], mutation, {}, user)).errors).toBeUndefined();
    }
    const refused = await sendGraphql(gateways[1], mutation, {}, user);
    expect(refused.errors).toMatchObject([{ extensions: { code: 'rate_limited' } }]);
    const problem = await post('graph');
    expect(refused.errors?.[0]?.message).toBe(problem.json.detail);
    expect(String(refused.errors?.[0]?.extensions.retryAfterSeconds)).toBe(problem.headers.get('retry-after'));

    const { data } = await sendGraphql(gateways[0], query, {}, user);
    const rest = await shown('graph');
    expect(data.limits).toEqual(
      Object.fromEntries(
        Object.entries(rest).map(([name, { resets_at, ...limit }]) => [name, { ...limit, resetsAt: resets_at }]),
      ),
    );
  });

  it('are counted in the metrics, from 0', async () => {
    const refused = async (gateway: TestGateway, reason: string) =>
      parseMetrics((await gateway.send('/metrics')).bytes.toString()).value('darkroom_requests_refused_total', {
        reason,
      });
    const fresh = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    expect([await refused(fresh, 'hourly'), await refused(fresh, 'daily')]).toEqual([0, 0]);
    await fresh.close();
    const before = await refused(gateways[0], 'hourly');
    await posts('metrics', 3);
    await post('metrics');
    await post('metrics', { key: 'k-metrics' });
    expect(await refused(gateways[0], 'hourly')).toBe(before! + 2);
  });
});

describe('limits without an answer of the broker', () => {
  it('let nobody in, in time, and keep nothing', async () => {
    const nats = await startNats();
    const gateway = await startGateway({
      NATS_URL: nats.url,
      DATABASE_URL: NO_POSTGRES,
      LIMIT_HOURLY: '3',
    });
    try {
      await gateway.ready();
      const post = (key?: string) =>
        gateway.send('/v1/generations', { json, headers: key === undefined ? {} : { 'idempotency-key': key } });
      expect((await post()).status).toBe(202);
      const before = await lastPosition(gateway);
      const goOn = nats.hang();
      const begun = performance.now();
      const refused = await Promise.all([post(), post('k-hang'), gateway.send('/v1/limits')]);
      expect(performance.now() - begun).toBeLessThan(5_000);
      goOn();
      for (const { status, json: problem, headers } of refused) {
        expect([status, problem.code, headers.get('retry-after')]).toEqual([503, 'unavailable', '2']);
      }
      await nats.kill9();
      expect((await post()).status).toBe(503);
      await nats.restart();
      await gateway.ready();
      expect(await lastPosition(gateway)).toBe(before);
      expect((await post('k-hang')).status).toBe(202);
    } finally {
      await gateway.close();
      await nats.stop();
    }
  });
});
