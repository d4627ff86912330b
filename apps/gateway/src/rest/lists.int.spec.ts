import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateReadModels, openReadModels, Projector, type ReadModels } from '@darkroom/read-models';
import { Logger } from '@nestjs/common';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/postgres.js';
import { startGateway, type TestGateway } from '../../test/gateway-fixture.js';
import { failGeneration, lastPosition } from '../../test/play-worker.js';
import * as answers from './answers.schema.js';

describe('lists', () => {
  let nats: TestNats;
  let database: TestDatabase;
  let gateway: TestGateway;
  let projection: ReadModels;
  let projecting: { stop: AbortController; running: Promise<void> } | null = null;

  beforeAll(async () => {
    [nats, database] = await Promise.all([startNats(), createTestDatabase()]);
    await migrateReadModels({ url: database.url });
    projection = await openReadModels({ url: database.url });
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: database.url });
    await gateway.ready();
    project();
  });
  afterAll(async () => {
    await stopProjecting();
    await gateway.close();
    await projection.close();
    await Promise.all([nats.stop(), database.drop()]);
  });

  function project(): void {
    const stop = new AbortController();
    const { em } = projection;
    const projector = new Projector({ em, reader: gateway.log.reader, logger: new Logger('Projector') });
    projecting = { stop, running: projector.run(stop.signal) };
  }

  async function stopProjecting(): Promise<void> {
    projecting?.stop.abort();
    await projecting?.running;
    projecting = null;
  }

  const request = async (user: string, body: object = {}) => {
    const { json } = await gateway.send('/v1/generations', { user, json: { prompt: 'x', ...body } });
    return answers.generation.parse(json);
  };

  /** A list that reflects everything so far. */
  async function list(user: string, query = '', claims = {}) {
    const path = `/v1/generations?min_position=${await lastPosition(gateway)}&${query}`;
    const answer = await gateway.send(path, { user, claims });
    expect(answer).toMatchObject({ status: 200 });
    return answers.generationPage.parse(answer.json);
  }

  it('show what was accepted a moment ago, as it is shown alone', async () => {
    const mine = await request('carol');
    const page = await list('carol');
    expect(page.data).toEqual([(await gateway.send(`/v1/generations/${mine.id}`, { user: 'carol' })).json]);
    expect(page.next_cursor).toBeNull();
    expect(page.position).toBeGreaterThanOrEqual(mine.position);
  });

  it('go through everything once, newest first, while more is accepted', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 7; index++) ids.unshift((await request('dave')).id);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Awaited<ReturnType<typeof list>> = await list('dave', `limit=3${cursor && `&cursor=${cursor}`}`);
      expect(page.data.length).toBeLessThanOrEqual(3);
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor;
      await request('dave');
    }
    expect(seen).toEqual(ids);
  });

  it('show a user its own, and operators everything', async () => {
    const [erins, franks] = [await request('erin'), await request('frank')];
    expect((await list('erin')).data.map(({ id }) => id)).toEqual([erins.id]);
    const all = (await list('root', '', { role: 'admin' })).data.map(({ id }) => id);
    expect(all).toEqual(expect.arrayContaining([erins.id, franks.id]));
  });

  it('can be filtered', async () => {
    const plain = await request('grace');
    const tagged = await request('grace', { metadata: { project: 'spring', 'odd.key': 'a&b' } });
    const dev = await request('grace', { model_id: 'black-forest-labs/flux-dev' });
    await failGeneration(gateway, dev.id);
    const filtered = async (query: string) => (await list('grace', query)).data.map(({ id }) => id);

    expect(await filtered('status=failed')).toEqual([dev.id]);
    expect(await filtered('status=queued')).toEqual([tagged.id, plain.id]);
    expect(await filtered('status=completed')).toEqual([]);
    expect(await filtered('model_id=black-forest-labs/flux-dev')).toEqual([dev.id]);
    expect(await filtered('metadata.project=spring')).toEqual([tagged.id]);
    expect(await filtered('metadata.project=spring&metadata.odd.key=a%26b')).toEqual([tagged.id]);
    expect(await filtered('metadata.project=autumn')).toEqual([]);
    expect(await filtered(`created_after=${tagged.created_at}`)).toEqual([dev.id]);
    expect(await filtered(`created_before=${tagged.created_at}`)).toEqual([plain.id]);
    expect(await filtered('batch_id=none')).toEqual([]);
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=5&limit=6', 'limit'],
    ['status=done', 'status'],
    ['cursor=nonsense', 'cursor'],
    ['created_after=yesterday', 'created_after'],
    ['min_position=-1', 'min_position'],
    ['stauts=failed', 'stauts'],
    ['metadata.=x', 'metadata.'],
    ['metadata.a=%00', 'metadata.a'],
    ["user_id=alice'--", 'user_id'],
  ])('refuse %s', async (query, field) => {
    const { json } = await gateway.send(`/v1/generations?${query}`);
    expect(answers.problem.parse(json)).toMatchObject({ status: 422, code: 'validation_failed', errors: [{ field }] });
  });

  it('say so when the projection does not get there in time', async () => {
    await stopProjecting();
    const late = await request('heidi');
    const answer = await gateway.send(`/v1/generations?min_position=${late.position}`, { user: 'heidi' });
    expect(answers.problem.parse(answer.json)).toMatchObject({ status: 503, code: 'unavailable' });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect((await gateway.send('/v1/generations', { user: 'heidi' })).json.data).toEqual([]);

    project();
    expect((await list('heidi')).data.map(({ id }) => id)).toEqual([late.id]);
  });
});
