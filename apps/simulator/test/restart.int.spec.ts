import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Prediction, type PredictionRequest, ReplicateProvider } from '@darkroom/provider';
import sharp from 'sharp';
import { type RunningSimulator, type SimulatorOptions, startSimulator } from '../src/start.js';
import { eventually } from './eventually.js';
import { type Receiver, startReceiver } from './receiver.js';

const request: PredictionRequest = {
  model: 'black-forest-labs/flux-schnell',
  version: null,
  input: { prompt: 'a kiln \u2028 at night', megapixels: '0.25' },
  cancelAfterSeconds: 60,
};

let folder: string;
let simulator: RunningSimulator;
let provider: ReplicateProvider;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'darkroom-simulator-'));
});
afterEach(async () => {
  await simulator.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(options: SimulatorOptions = {}): Promise<void> {
  simulator = await startSimulator({ runMs: 40, publicUrl: 'http://simulator.test', dataDir: folder, ...options });
  provider = new ReplicateProvider({ baseUrl: `${simulator.url}/v1`, token: 'r8_test' });
}

async function restart(options: SimulatorOptions = {}): Promise<void> {
  await simulator.close();
  await start(options);
}

const view = (id: string) => simulator.control.predictions().find((prediction) => prediction['id'] === id);
const hasStatus = (id: string, status: string) =>
  eventually(
    () => view(id),
    (prediction) => prediction?.['status'] === status,
  );

async function list(): Promise<Prediction[]> {
  const all = [];
  for await (const prediction of provider.list(new Date(0).toISOString())) all.push(prediction);
  return all;
}

describe('a simulator that comes back', () => {
  it('knows the size of a source that it saw', async () => {
    await start();
    const bytes = await sharp({ create: { width: 30, height: 20, channels: 3, background: 'teal' } })
      .png()
      .toBuffer();
    const image = `data:image/png;base64,${bytes.toString('base64')}`;
    const [model, version] = ['cjwbw/rembg', 'fb8af171cfa1616ddcf1242c093f9c46bcada5ad4cf6f2fbe8b81b330ec5c003'];
    const { id } = await provider.create({ model, version, input: { image }, cancelAfterSeconds: 60 });
    await hasStatus(id, 'succeeded');
    await restart();
    const { pathname } = new URL(String(view(id)?.['output']));
    const file = await fetch(simulator.url + pathname);
    expect(await sharp(await file.arrayBuffer()).metadata()).toMatchObject({ width: 30, height: 20, format: 'png' });
  });

  it('has what had ended as it was, the same picture too', async () => {
    await start();
    const { id } = await provider.create(request);
    const canceled = await provider.create({ ...request, input: { prompt: 'never mind' } });
    await provider.cancel(canceled.id);
    simulator.control.fault({ kind: 'run_failure', error: 'NSFW content detected' });
    const failed = await provider.create(request);
    await hasStatus(id, 'succeeded');
    await hasStatus(failed.id, 'failed');
    const [before, listed, picture] = [simulator.control.predictions(), await list(), await pictureOf(id)];

    await restart();
    expect(simulator.control.predictions()).toEqual(before);
    expect(await list()).toEqual(listed);
    expect(await pictureOf(id)).toEqual(picture);
  });

  it('goes on counting what was paid', async () => {
    await start();
    simulator.control.fault({ kind: 'reset_before_create' }, { kind: 'error_after_create', status: 500 });
    await expect(provider.create(request)).rejects.toThrow();
    await expect(provider.create(request)).rejects.toThrow();
    await expect(provider.create({ ...request, input: {} })).rejects.toThrow();
    const { creates_received, predictions_created, by_input, by_model } = simulator.control.counters();
    expect([creates_received, predictions_created]).toEqual([3, 1]);
    await restart();
    expect(simulator.control.counters()).toMatchObject({ creates_received, predictions_created, by_input, by_model });
    await provider.create(request);
    expect(Object.values(simulator.control.counters().by_input)).toEqual([2]);
  });

  it('ends what still runs when it would have ended, whatever a run takes by now', async () => {
    await start({ runMs: 1_500 });
    const { id, createdAt } = await provider.create(request);
    await hasStatus(id, 'processing');
    const startedAt = view(id)?.['started_at'];
    await restart({ runMs: 60_000 });
    expect(view(id)).toMatchObject({ status: 'processing', started_at: startedAt });
    const done = await hasStatus(id, 'succeeded');
    const tookMs = Date.parse(String(done?.['completed_at'])) - Date.parse(createdAt);
    expect(tookMs).toBeGreaterThanOrEqual(1_500);
    expect(tookMs).toBeLessThan(10_000);
  });

  it('ends what was due in the meantime before it answers, at the time that it was due', async () => {
    await start({ runMs: 300 });
    simulator.control.fault({ kind: 'run_failure' });
    const [failed, succeeded] = [await provider.create(request), await provider.create(request)];
    await simulator.close();
    const due = Date.parse(succeeded.createdAt) + 300;
    await eventually(Date.now, (now) => now > due);
    await start();
    expect([view(failed.id), view(succeeded.id)]).toMatchObject([
      { status: 'failed', error: 'Prediction failed' },
      { status: 'succeeded', completed_at: new Date(due).toISOString() },
    ]);
  });

  it('holds deadlines, and the faults that were drawn', async () => {
    await start();
    simulator.control.fault({ kind: 'run_never_finishes' }, { kind: 'run_never_finishes', ignores_deadline: true });
    const [late, endless] = [
      await provider.create({ ...request, cancelAfterSeconds: 5 }),
      await provider.create({ ...request, cancelAfterSeconds: 5 }),
    ];
    await restart();
    const done = await hasStatus(late.id, 'canceled');
    expect(Date.parse(String(done?.['completed_at']))).toBeGreaterThanOrEqual(Date.parse(late.deadline ?? ''));
    expect(view(endless.id)).toMatchObject({ status: 'processing' });
    expect(await provider.cancel(endless.id)).toMatchObject({ status: 'canceled' });
  });

  it('goes on to hide what is listed late', async () => {
    await start();
    simulator.control.fault({ kind: 'listed_late', ms: 2_000 });
    const { id, createdAt } = await provider.create(request);
    await restart();
    expect(await list()).toEqual([]);
    await eventually(list, (all) => all[0]?.id === id);
    expect(Date.now() - Date.parse(createdAt)).toBeGreaterThanOrEqual(2_000);
  });

  it('begins anew after a reset', async () => {
    await start();
    await provider.create(request);
    simulator.control.reset();
    const { id } = await provider.create(request);
    await restart();
    expect(simulator.control.predictions().map((prediction) => prediction['id'])).toEqual([id]);
  });
});

describe('its webhooks', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  it('of an end that was not taken are sent after the restart, with the same id and secret', async () => {
    await start({ webhookRetryMs: 60_000 });
    const secret = simulator.webhookSecret;
    receiver.answers.push(200, 503);
    const { id } = await provider.create({ ...request, webhook: receiver.url });
    await receiver.received(2);
    await restart();
    expect(simulator.webhookSecret).toBe(secret);
    const [, refused, taken] = await receiver.received(3);
    expect(taken?.headers['webhook-id']).toBe(refused?.headers['webhook-id']);
    expect(JSON.parse(taken?.body ?? '')).toMatchObject({ id, status: 'succeeded' });

    await eventually(journal, (text) => text.includes('"told"'));
    await restart();
    const next = await provider.create({ ...request, webhook: receiver.url });
    const all = await receiver.received(5);
    expect(all.slice(3).map(({ body }) => (JSON.parse(body) as { id: string }).id)).toEqual([next.id, next.id]);
  });
});

describe('the journal', () => {
  it('drops a last line that was not written to its end, and goes on after it', async () => {
    await start();
    const { id } = await provider.create(request);
    await hasStatus(id, 'succeeded');
    await simulator.close();
    const whole = await journal();
    await appendFile(join(folder, 'journal.ndjson'), '{"type":"created","plan":{"id":"torn","inp');
    await start();
    expect(await journal()).toBe(whole);
    const next = await provider.create(request);
    await restart();
    expect(simulator.control.predictions().map((prediction) => prediction['id'])).toEqual([id, next.id]);
  });

  it.each(['{"type":"created"}\n', 'x\n', '\n'])('that holds %j is refused, with the place', async (line) => {
    await start();
    await provider.create(request);
    await simulator.close();
    const [first = ''] = (await journal()).split('\n');
    await writeFile(join(folder, 'journal.ndjson'), `${first}\n${line}`);
    await expect(start()).rejects.toThrow(`${join(folder, 'journal.ndjson')}:2 is no entry`);
  });
});

const journal = () => readFile(join(folder, 'journal.ndjson'), 'utf8');

async function pictureOf(id: string): Promise<Buffer> {
  const response = await fetch(`${simulator.url}/files/${id}/out-0.webp`);
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}
