import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicateProvider } from '@darkroom/provider';
import sharp from 'sharp';
import { type RunningSimulator, startSimulator } from '../src/start.js';
import { eventually } from './eventually.js';

const SDXL = '7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc';

let simulator: RunningSimulator;
let provider: ReplicateProvider;

beforeAll(async () => {
  simulator = await startSimulator({ runMs: 0 });
  provider = new ReplicateProvider({ baseUrl: `${simulator.url}/v1`, token: 'r8_test' });
});
afterAll(() => simulator.close());
afterEach(() => simulator.control.reset());

async function outputs(model: string, input: Record<string, unknown>): Promise<readonly string[]> {
  const version = model === 'stability-ai/sdxl' ? SDXL : null;
  const { id } = await provider.create({ model, version, input, cancelAfterSeconds: 60 });
  const done = await eventually(
    () => provider.get(id),
    ({ status }) => status === 'succeeded',
  );
  return done.outputs;
}

async function download(url: string): Promise<Buffer> {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(response.headers.get('x-darkroom-simulator')).toBe('true');
  return Buffer.from(await response.arrayBuffer());
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('the pictures', () => {
  it.each([
    ['black-forest-labs/flux-schnell', { aspect_ratio: '16:9' }, 1_344, 768, 'webp'],
    [
      'black-forest-labs/flux-schnell',
      { aspect_ratio: '2:3', megapixels: '0.25', output_format: 'png' },
      416,
      608,
      'png',
    ],
    ['black-forest-labs/flux-dev', { output_format: 'jpg', output_quality: 0 }, 1_024, 1_024, 'jpeg'],
    ['stability-ai/sdxl', { width: 640, height: 960 }, 640, 960, 'png'],
  ])('of %s with %j', async (model, input, width, height, format) => {
    const [url = ''] = await outputs(model, { prompt: 'a <red> "fox" & \u0000\ufffe friends', ...input });
    const bytes = await download(url);
    expect(await sharp(bytes).metadata()).toMatchObject({ width, height, format });
    // Decodes to the last row, and is a picture rather than one colour.
    const { channels } = await sharp(bytes).stats();
    expect(Math.max(...channels.map(({ stdev }) => stdev))).toBeGreaterThan(5);
  });

  it('are as many as asked for, and differ', async () => {
    const urls = await outputs('black-forest-labs/flux-schnell', { prompt: 'x', num_outputs: 4, megapixels: '0.25' });
    const bytes = await Promise.all(urls.map(download));
    expect(new Set(bytes.map(sha256)).size).toBe(4);
  });

  it('are the same bytes for the same seed, prompt and model, and others for any other', async () => {
    const schnell = 'black-forest-labs/flux-schnell';
    const small = { megapixels: '0.25', prompt: 'a kite', seed: 1 };
    const sumOf = async (model: string, input: Record<string, unknown>) => {
      const [url = ''] = await outputs(model, input);
      return sha256(await download(url));
    };
    const first = await sumOf(schnell, small);
    expect(await sumOf(schnell, small)).toBe(first);
    const others = [
      await sumOf(schnell, { ...small, seed: 2 }),
      await sumOf(schnell, { ...small, prompt: 'a boat' }),
      await sumOf('black-forest-labs/flux-dev', small),
    ];
    expect(new Set([first, ...others]).size).toBe(4);
  });

  it('without a seed differ each time, and the same link always gives the same', async () => {
    const input = { prompt: 'a kite', megapixels: '0.25' };
    const [first = ''] = await outputs('black-forest-labs/flux-schnell', input);
    const [second = ''] = await outputs('black-forest-labs/flux-schnell', input);
    expect(sha256(await download(first))).not.toBe(sha256(await download(second)));
    expect(sha256(await download(first))).toBe(sha256(await download(first)));
  });

  it('larger than any model makes are a failed prediction', async () => {
    const input = { prompt: 'x', width: 50_000, height: 50_000 };
    const { id } = await provider.create({ model: 'stability-ai/sdxl', version: SDXL, input, cancelAfterSeconds: 60 });
    const done = await eventually(
      () => provider.get(id),
      ({ status }) => status === 'failed',
    );
    expect(done.error).toBe('CUDA out of memory');
  });
});

describe('a scripted fault of a file', () => {
  const link = async () => (await outputs('black-forest-labs/flux-schnell', { prompt: 'x', seed: 1 }))[0] ?? '';

  it('cuts the connection in the middle', async () => {
    simulator.control.fault({ kind: 'file_truncated' });
    const response = await fetch(await link());
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(0);
    await expect(response.arrayBuffer()).rejects.toThrow('terminated');
  });

  it('sends another type, or a page in place of the picture', async () => {
    simulator.control.fault({ kind: 'file_wrong_type', content_type: 'text/plain' }, { kind: 'file_html' });
    const url = await link();
    const mistyped = await fetch(url);
    expect(mistyped.headers.get('content-type')).toContain('text/plain');
    expect(await sharp(await mistyped.arrayBuffer()).metadata()).toMatchObject({ format: 'webp' });
    const page = await fetch(url);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html']);
  });

  it('answers an error, for as often as scripted', async () => {
    simulator.control.fault({ kind: 'file_error', status: 404, times: 2 });
    const url = await link();
    const statuses = [(await fetch(url)).status, (await fetch(url)).status, (await fetch(url)).status];
    expect(statuses).toEqual([404, 404, 200]);
  });

  it('sends far more than a picture', async () => {
    simulator.control.fault({ kind: 'file_oversized', bytes: 3_000_001 });
    expect((await download(await link())).length).toBe(3_000_001);
  });

  it('stalls, until the client gives up or all is sent', async () => {
    simulator.control.fault({ kind: 'file_slow', ms: 60_000 }, { kind: 'file_slow', ms: 50 });
    const url = await link();
    const stop = new AbortController();
    const stalled = await fetch(url, { signal: stop.signal });
    const reader = stalled.body?.getReader();
    expect((await reader?.read())?.value?.length).toBeGreaterThan(0);
    stop.abort();
    expect(await sharp(await download(url)).metadata()).toMatchObject({ width: 1_024 });
  });
});
