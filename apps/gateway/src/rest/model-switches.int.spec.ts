import { DEFAULT_MODEL_ID, MODELS, type ModelView } from '@darkroom/domain';
import { connectBroker, ModelSwitchboard, type Broker } from '@darkroom/events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { parseMetrics } from '../../../../test/system/metrics-text.js';
import { NO_POSTGRES, startGateway, type Answer, type TestGateway } from '../../test/gateway-fixture.js';
import { sendGraphql } from '../../test/graphql.js';
import { completeGeneration, failDownload, failGeneration, lastPosition } from '../../test/play-worker.js';
import * as answers from './answers.schema.js';

const id = DEFAULT_MODEL_ID;
const json = { prompt: 'a lighthouse' };
const retired = MODELS.find(
  ({ availability, kind, source }) => availability.state !== 'offered' && kind === 'text-to-image' && !source?.required,
)!;

describe('a model that an operator switches', () => {
  let nats: TestNats;
  let broker: Broker;
  let board: ModelSwitchboard;
  let gateways: [TestGateway, TestGateway];

  const start = () => startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });

  beforeAll(async () => {
    nats = await startNats();
    gateways = [await start(), await start()];
    await Promise.all(gateways.map((gateway) => gateway.ready()));
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    board = await ModelSwitchboard.open(broker);
  });
  afterEach(async () => {
    for (const switched of (await board.read()).keys()) await board.reset(switched);
    await shown(id, true);
    await shown(retired.id, false);
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await broker.close();
    await nats.stop();
  });

  const show = async (gateway: TestGateway, modelId: string) =>
    (await gateway.send(`/v1/models/${modelId}`)).json as ModelView;

  /** Resolves when every gateway shows whether it is offered. */
  const shown = (modelId: string, active: boolean, among: readonly TestGateway[] = gateways) =>
    eventually(async () => {
      const views = await Promise.all(among.map((gateway) => show(gateway, modelId)));
      return views.every((view) => view.active === active);
    });

  const request = (gateway: TestGateway = gateways[0], body: object = json) =>
    gateway.send('/v1/generations', { json: body });

  function expectRefused({ status, json: problem }: Answer, message: string): void {
    expect(answers.problem.parse(problem)).toMatchObject({
      code: 'unknown_model',
      detail: message,
      errors: [{ field: 'model_id', message }],
    });
    expect(status).toBe(422);
  }

  it('off, is refused by every gateway within a second, with the note, by REST and GraphQL, and nothing is kept', async () => {
    const before = await lastPosition(gateways[0]);
    const etag = (await gateways[0].send('/v1/models')).headers.get('etag')!;
    const begun = performance.now();
    await board.set(id, 'off', 'an incident at its maker');
    await shown(id, false);
    expect(performance.now() - begun).toBeLessThan(1_000);

    const message = `${id} is switched off by an operator (an incident at its maker)`;
    for (const gateway of gateways) {
      // The default model is refused, too, when it was not named.
      for (const body of [json, { ...json, model_id: id }]) {
        expectRefused(await request(gateway, body), message);
        expectRefused(await gateway.send('/v1/generations?dry_run=true', { json: body }), message);
      }
      for (const operation of [
        'mutation { requestGeneration(input: {prompt: "x"}) { id } }',
        '{ quoteGeneration(input: {prompt: "x"}) { modelId } }',
      ]) {
        const { errors } = await sendGraphql(gateway, operation);
        expect(errors).toMatchObject([
          { extensions: { code: 'unknown_model', errors: [{ field: 'modelId', message }] } },
        ]);
      }
      expect(await show(gateway, id)).toMatchObject({ active: false, note: 'an incident at its maker' });
      const listed = await sendGraphql(gateway, `{ model(id: "${id}") { active note } models(active: false) { id } }`);
      expect(listed.data.model).toEqual({ active: false, note: 'an incident at its maker' });
      expect((listed.data.models as { id: string }[]).map((model) => model.id)).toContain(id);
    }
    const headers = { 'if-none-match': etag };
    expect((await gateways[0].send('/v1/models', { headers })).status).toBe(200);
    expect(await lastPosition(gateways[0])).toBe(before);

    await board.reset(id);
    await shown(id, true);
    expect((await request()).status).toBe(202);
    expect((await gateways[0].send('/v1/models', { headers })).status).toBe(304);
  });

  it('off, is told as a metric', async () => {
    const offered = async () => {
      const samples = parseMetrics((await gateways[0].send('/metrics', { user: null })).bytes.toString());
      return MODELS.map((model) => samples.value('darkroom_model_offered', { model: model.id }));
    };
    const byCatalogue = MODELS.map(({ availability }) => (availability.state === 'offered' ? 1 : 0));
    expect(await offered()).toEqual(byCatalogue);
    await board.set(id, 'off', null);
    await shown(id, false);
    expect(await offered()).toEqual(MODELS.map((model, index) => (model.id === id ? 0 : byCatalogue[index])));
  });

  it('off, what was accepted before goes on, and a repeated request still answers it', async () => {
    const keyed = () => gateways[1].send('/v1/generations', { json, headers: { 'idempotency-key': 'k-off' } });
    const accepted = (await keyed()).json;
    await board.set(id, 'off', null);
    await shown(id, false);
    expect((await keyed()).json.id).toBe(accepted.id);
    await completeGeneration(gateways[0], accepted.id, Buffer.from('bytes'));
    expect((await keyed()).json).toMatchObject({ id: accepted.id, status: 'completed' });
  });

  it('off, is not asked once more for what has failed, but by operators; what it made is still fetched', async () => {
    const [failed, fetchable, cancelled] = await Promise.all(
      [1, 2, 3].map(async () => String((await request()).json.id)),
    );
    await failGeneration(gateways[0], failed!);
    await failDownload(gateways[0], fetchable!);
    await gateways[0].send(`/v1/generations/${cancelled}/cancel`, { method: 'POST' });
    await board.set(id, 'off', null);
    await shown(id, false);

    const retry = (generation: string, claims = {}) =>
      gateways[0].send(`/v1/generations/${generation}/retry`, { method: 'POST', claims });
    const before = await lastPosition(gateways[0]);
    expectRefused(await retry(failed!), `${id} is switched off by an operator`);
    expect((await retry(cancelled!)).json).toMatchObject({ code: 'invalid_state' });
    const other = await gateways[0].send(`/v1/generations/${failed}/retry`, { method: 'POST', user: 'bob' });
    expect(other.status).toBe(404);
    expect(await lastPosition(gateways[0])).toBe(before);
    expect((await retry(fetchable!)).json).toMatchObject({ status: 'downloading' });
    expect((await retry(failed!, { role: 'admin' })).json).toMatchObject({ status: 'queued' });
  });

  it('on, is offered although its maker has retired it, or it fails', async () => {
    const { note, successor } = await show(gateways[0], retired.id);
    const body = { ...json, model_id: retired.id };
    expectRefused(await request(gateways[0], body), `${retired.id} is not offered (${note}): use ${successor}`);
    await board.set(retired.id, 'on', null);
    await shown(retired.id, true);
    expect(await show(gateways[1], retired.id)).toMatchObject({ active: true, note, successor: null });
    expect((await request(gateways[1], body)).status).toBe(202);
    await board.set(retired.id, 'off', 'for good');
    await shown(retired.id, false);
    const why = `${retired.id} is switched off by an operator (for good): use ${successor}`;
    expectRefused(await request(gateways[1], body), why);
  });

  it('stays as it was known while NATS is away, and is what it is after a restart of everything', async () => {
    await board.set(id, 'off', 'over restarts');
    await shown(id, false);
    await nats.kill9();
    const blind = await start();
    try {
      for (const gateway of gateways) {
        expect(await show(gateway, id)).toMatchObject({ active: false, note: 'over restarts' });
        expectRefused(await request(gateway), `${id} is switched off by an operator (over restarts)`);
      }
      // Who has never heard of it can say what the catalogue says, and accept nothing.
      expect(await show(blind, id)).toMatchObject({ active: true });
      expect((await request(blind)).status).toBe(503);

      await nats.restart();
      await blind.ready();
      // From the first request on that could be accepted.
      expectRefused(await request(blind), `${id} is switched off by an operator (over restarts)`);
      await Promise.all(gateways.map((gateway) => gateway.ready()));
      await eventually(() => broker.connected);
      await board.reset(id);
      await shown(id, true, [...gateways, blind]);
    } finally {
      await blind.close();
    }
  });
});
