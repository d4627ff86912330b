import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { GenerationView } from '@darkroom/domain';
import { Webhook } from 'standardwebhooks';
import { eventually } from '../../../test/support/eventually.js';
import { NO_POSTGRES, startGateway, type TestGateway } from '../../gateway/test/gateway-fixture.js';
import { noisePicture, startSourceServer } from './source-server.js';
import { WorkerFixture } from './worker-fixture.js';

describe('webhooks of the provider', () => {
  let fixture: WorkerFixture;
  let gateway: TestGateway;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
    gateway = await startGateway({
      NATS_URL: fixture.nats.url,
      DATABASE_URL: NO_POSTGRES,
      REPLICATE_WEBHOOK_SECRET: fixture.simulator.webhookSecret,
    });
    await gateway.ready();
  });
  afterAll(async () => {
    await gateway.close();
    await fixture.stop();
  });
  beforeEach(() => {
    fixture.simulator.control.reset();
    fixture.simulator.control.configure({ runMs: 1_000 });
  });
  afterEach(() => fixture.closeWorkers());

  const counters = () => fixture.simulator.control.counters();
  const atProvider = () => fixture.simulator.control.predictions();
  const startTold = (overrides = {}) => {
    const { replicate } = fixture.config();
    return fixture.startWorker({
      replicate: { ...replicate, webhookUrl: `${gateway.url}/v1/hooks/replicate` },
      ...overrides,
    });
  };
  const adoptions = async (id: string) =>
    (await fixture.events(id)).flatMap((event) =>
      event.type === 'PredictionCreated' && event.data.adopted ? [event.source] : [],
    );

  /** What the provider would send of its one prediction. */
  function webhook(body: unknown = atProvider()[0], at = new Date(), secret = fixture.simulator.webhookSecret) {
    const text = JSON.stringify(body);
    return {
      body: text,
      headers: {
        'webhook-id': 'msg_1',
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': new Webhook(secret).sign('msg_1', at, text),
      },
    };
  }
  const post = (sent: { body?: string; headers?: Record<string, string> }, query = '') =>
    gateway.send(`/v1/hooks/replicate${query}`, { method: 'POST', user: null, ...sent });

  it('spare the polling: one look at each prediction, when it has ended', async () => {
    await startTold();
    const ids = await Promise.all(Array.from({ length: 5 }, (_, i) => fixture.request({ prompt: `picture ${i}` })));
    for (const id of ids) expect((await fixture.ended(id)).status).toBe('completed');
    expect(counters()).toMatchObject({ gets: 5, lists: 0, predictions_created: 5 });
    for (const id of ids) expect(await adoptions(id)).toEqual([]);
  });

  it('bring a prediction whose answer was lost, and that no list shows', async () => {
    fixture.simulator.control.configure({ runMs: 2_000 });
    fixture.simulator.control.fault({ kind: 'reset_after_create' }, { kind: 'listed_late', ms: 600_000 });
    await startTold();
    const id = await fixture.request();
    expect((await fixture.ended(id)).status).toBe('completed');
    expect(counters()).toMatchObject({ creates_received: 1, predictions_created: 1 });
    expect(await adoptions(id)).toEqual(['/darkroom/gateway']);
    expect(await fixture.types(id)).not.toContain('AttemptFailed');
  });

  it('bring one that began from an image, with as much of that as a request may carry', async () => {
    const server = await startSourceServer();
    const content = await noisePicture(296);
    expect(content.length).toBeGreaterThan(245 * 1_024);
    expect(content.length).toBeLessThanOrEqual(256 * 1_024);
    fixture.simulator.control.configure({ runMs: 2_000 });
    fixture.simulator.control.fault({ kind: 'reset_after_create' }, { kind: 'listed_late', ms: 600_000 });
    await startTold();
    const source_image_url = server.serve('/a.png', content);
    const id = await fixture.request({ modelId: 'black-forest-labs/flux-dev', source_image_url });
    expect((await fixture.ended(id)).status).toBe('completed');
    expect(atProvider()).toMatchObject([{ input: { image: expect.stringMatching(/^data:image\/png;base64,/) } }]);
    expect(await adoptions(id)).toEqual(['/darkroom/gateway']);
    await server.stop();
  });

  it('bring it also after its attempt was given up: it is waited for at once', async () => {
    fixture.simulator.control.configure({ runMs: 9_000 });
    fixture.simulator.control.fault({ kind: 'reset_after_create' }, { kind: 'listed_late', ms: 600_000 });
    // Told of the end only: the beginning comes before the attempt is given up.
    const down = await startTold({ replicate: { ...fixture.config().replicate, webhookUrl: 'http://127.0.0.1:1/' } });
    const id = await fixture.request();
    await fixture.until(id, ({ unresolved }) => unresolved !== null);
    const { fence } = (await fixture.state(id)).unresolved!;
    expect((await post(webhook(), `?generation=${id}&fence=${fence}`)).status).toBe(204);
    expect((await fixture.ended(id)).status).toBe('completed');
    expect(counters()).toMatchObject({ creates_received: 1, predictions_created: 1 });
    expect(await adoptions(id)).toEqual(['/darkroom/gateway']);
    await down.close();
  }, 60_000);

  it('have a prediction cancelled that turns up after its generation was', async () => {
    fixture.simulator.control.configure({ runMs: 60_000 });
    fixture.simulator.control.fault({ kind: 'reset_after_create' }, { kind: 'listed_late', ms: 600_000 });
    await fixture.startWorker();
    const id = await fixture.request();
    await eventually(() => counters().predictions_created === 1);
    const { fence } = (await fixture.state(id)).current!;
    await fixture.cancel(id);
    // Nobody finds it in the list.
    await fixture.queueIsEmpty();
    expect(atProvider()).toMatchObject([{ status: expect.not.stringMatching('canceled') }]);
    expect((await post(webhook(), `?generation=${id}&fence=${fence}`)).status).toBe(204);
    await eventually(() => atProvider()[0]!['status'] === 'canceled');
    await fixture.queueIsEmpty();
    expect((await fixture.types(id)).at(-1)).toBe('Cancelled');
  }, 40_000);

  it('may come twice, late, before the answer of the create, and of what is not ours', async () => {
    fixture.simulator.control.configure({ runMs: 1_500 });
    fixture.simulator.control.fault({ kind: 'slow_answer', ms: 800 });
    await startTold();
    const id = await fixture.request();
    // The first, of the beginning, comes while the worker still waits for the answer.
    await fixture.until(id, ({ current }) => current?.prediction != null);
    expect((await fixture.ended(id)).status).toBe('completed');
    expect(await adoptions(id)).toEqual(['/darkroom/gateway']);
    const history = await fixture.types(id);
    for (const query of [`?generation=${id}&fence=2`, `?generation=${id}&fence=9`, '', '?generation=x&fence=y']) {
      expect((await post(webhook(), query)).status).toBe(204);
    }
    const foreign = { ...atProvider()[0], id: 'foreign', input: { prompt: 'another' }, status: 'processing' };
    const other = await fixture.request({ prompt: 'unfinished' });
    await fixture.until(other, ({ current }) => current !== null);
    expect((await post(webhook(foreign), `?generation=${other}&fence=2`)).status).toBe(204);
    expect((await fixture.ended(other)).generated!.prediction_id).not.toBe('foreign');
    expect(await fixture.types(id)).toEqual(history);
    expect(counters().predictions_created).toBe(2);
  });

  it('that are lost are made up for by looking now and then', async () => {
    fixture.simulator.control.fault({ kind: 'webhook_lost' });
    await startTold();
    const id = await fixture.request();
    expect((await fixture.ended(id, 30_000)).status).toBe('completed');
    expect(counters().gets).toBe(1);
  }, 40_000);

  it('are refused without a good signature', async () => {
    const prediction = { ...(await finishedPrediction()), status: 'succeeded' };
    const good = webhook(prediction);
    const sixMinutes = 6 * 60_000;
    const refused = [
      { body: good.body },
      { ...good, body: good.body.replace('succeeded', 'canceled') },
      { ...good, headers: { ...good.headers, 'webhook-id': 'msg_2' } },
      webhook(prediction, new Date(Date.now() - sixMinutes)),
      webhook(prediction, new Date(Date.now() + sixMinutes)),
      webhook(prediction, new Date(), `whsec_${Buffer.from('another secret').toString('base64')}`),
      webhook({ nothing: 'of a prediction' }),
      { ...good, body: '' },
    ];
    for (const each of refused) {
      const { status, json } = await post(each);
      expect({ status, code: (json as { code: string }).code }).toEqual({ status: 401, code: 'unauthenticated' });
      expect(JSON.stringify(json)).not.toMatch(/\bat .*\.(ts|js)/);
    }
    expect((await post(good)).status).toBe(204);
    expect((await post({ ...good, headers: { ...good.headers, 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await post({ ...good, body: `"${'x'.repeat(2 ** 21)}"` })).status).toBe(413);
  });

  async function finishedPrediction(): Promise<Record<string, unknown>> {
    await fixture.startWorker();
    await fixture.ended(await fixture.request());
    return atProvider()[0]!;
  }

  it('are asked for again while NATS is away, and not known where no secret is set', async () => {
    const env = { NATS_URL: 'nats://127.0.0.1:1', DATABASE_URL: NO_POSTGRES };
    const secret = { REPLICATE_WEBHOOK_SECRET: fixture.simulator.webhookSecret };
    const [away, deaf] = await Promise.all([startGateway({ ...env, ...secret }), startGateway(env)]);
    const path = '/v1/hooks/replicate';
    const sent = { method: 'POST', user: null, ...webhook(await finishedPrediction()) };
    expect((await away.send(path, sent)).status).toBe(503);
    expect((await deaf.send(path, sent)).status).toBe(404);
    await Promise.all([away.close(), deaf.close()]);
  });

  it('and the progress of a run is seen by whoever looks and follows', async () => {
    fixture.simulator.control.configure({ runMs: 4_000 });
    await fixture.startWorker();
    const { json } = await gateway.send('/v1/generations', { json: { prompt: 'a lighthouse' } });
    const { id } = json as GenerationView;
    const { bytes } = await gateway.send(`/v1/generations/${id}/events`);
    const messages = bytes
      .toString()
      .split('\n\n')
      .filter((block) => block.includes('event: generation'))
      .map((block) => ({
        id: /^id: (\d+)$/m.exec(block)?.[1],
        view: JSON.parse(/^data: (.*)$/m.exec(block)![1]!) as GenerationView,
      }));
    const progress = messages.map(({ view }) => view.progress);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect([progress[0], progress.at(-1)]).toEqual([10, 100]);
    const onTheWay = messages.filter((each) => each.id === undefined);
    expect(onTheWay.length).toBeGreaterThan(0);
    for (const { view } of onTheWay) {
      expect(view.progress).toBeGreaterThan(10);
      expect(view.progress).toBeLessThan(100);
    }
    // Every event once, as before.
    const told = messages.filter((each) => each.id !== undefined);
    const first = told[0]!.view.version;
    expect(told.map(({ view }) => view.version)).toEqual(told.map((_, index) => first + index));
    expect(told.map((each) => each.id)).toEqual(told.map(({ view }) => String(view.position)));

    const second = await gateway.send('/v1/generations', { json: { prompt: 'another' } });
    const path = `/v1/generations/${(second.json as GenerationView).id}`;
    const seen = await eventually(async () => {
      const view = (await gateway.send(path)).json as GenerationView;
      return view.status === 'processing' && view.progress > 10 && view.progress;
    });
    expect(seen).toBeLessThanOrEqual(80);
  }, 30_000);
});
