import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findModel, MODELS, type Model } from '@darkroom/domain';
import sharp from 'sharp';
import { type RunningSimulator, startSimulator } from '../src/start.js';
import { eventually } from './eventually.js';

let simulator: RunningSimulator;
let source: string;
beforeAll(async () => {
  simulator = await startSimulator({ runMs: 0, createsPerMinute: 1_000_000 });
  const photo = sharp({ create: { width: 96, height: 64, channels: 3, background: 'teal' } });
  source = `data:image/png;base64,${(await photo.png().toBuffer()).toString('base64')}`;
});
afterAll(() => simulator.close());

interface Answer {
  readonly id: string;
  readonly status: string | number;
  readonly error: string | null;
  readonly output: string | string[] | null;
  readonly detail: string;
  readonly invalid_fields: readonly { readonly field: string }[];
}

async function call(path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${simulator.url}/v1/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: 'Bearer any', 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return (await response.json()) as Answer;
}

const create = ({ id, version }: Model, input: object) =>
  version === null ? call(`models/${id}/predictions`, { input }) : call('predictions', { version, input });

/** The prediction's end. */
async function run(model: Model, input: object): Promise<Answer> {
  const created = await create(model, input);
  if (created.id === undefined) throw new Error(JSON.stringify(created));
  return eventually(
    () => call(`predictions/${created.id}`),
    ({ status }) => status === 'succeeded' || status === 'failed',
  );
}

/** Format and size of a file by sharp, which is not how it was drawn. */
async function measured(url: string) {
  const response = await fetch(url);
  const bytes = Buffer.from(await response.arrayBuffer());
  const { format, width, height, hasAlpha } = await sharp(bytes).metadata();
  await sharp(bytes).stats();
  return { type: response.headers.get('content-type'), format, width, height, hasAlpha };
}

async function firstOf(id: string, input: object) {
  const { output } = await run(findModel(id)!, input);
  return measured([output ?? []].flat()[0]!);
}

/** What every model needs, and no more. */
function leastInput(model: Model): Record<string, unknown> {
  const { source: taken } = model;
  return { prompt: 'a cat', ...(taken?.required && { [taken.field]: taken.list ? [source] : source }) };
}

describe.each(MODELS.map((model) => [model.id, model] as const))('%s', (_, model) => {
  it('answers a picture in the shape and format of the catalogue', async () => {
    const { output, status } = await run(model, leastInput(model));
    expect(status).toBe('succeeded');
    expect(Array.isArray(output)).toBe(model.output.shape === 'uri[]');
    const [url, ...others] = [output ?? []].flat();
    expect(others).toEqual([]);
    const { format } = await measured(url!);
    const formats = model.output.formats.map((name) => (name === 'jpg' ? 'jpeg' : name));
    expect(formats.length === 0 ? ['webp'] : formats).toContain(format);
  });

  it('refuses what its schema does not allow, with the field', async () => {
    const [name = '', schema] = Object.entries(model.input.properties).find(([, { type }]) => type === 'string') ?? [];
    expect(schema).toBeDefined();
    expect(await create(model, { ...leastInput(model), [name]: 7 })).toMatchObject({
      status: 422,
      detail: `- input.${name}: Invalid type. Expected: string\n`,
      invalid_fields: [{ field: `input.${name}` }],
    });
  });
});

describe('the pictures are of the size that is asked for', () => {
  it.each<[string, object, number, number, string]>([
    ['black-forest-labs/flux-dev', { aspect_ratio: '21:9', megapixels: '0.25' }, 768, 320, 'webp'],
    ['black-forest-labs/flux-pro', { aspect_ratio: 'custom', width: 640, height: 480 }, 640, 480, 'webp'],
    ['black-forest-labs/flux-pro', { aspect_ratio: 'custom', width: 650, height: 470 }, 640, 480, 'webp'],
    [
      'black-forest-labs/flux-2-pro',
      { aspect_ratio: 'custom', width: 512, height: 256, resolution: '4 MP' },
      512,
      256,
      'webp',
    ],
    ['stability-ai/sdxl', { width: 640, height: 960 }, 640, 960, 'png'],
    ['ideogram-ai/ideogram-v3-turbo', { resolution: '1280x800', aspect_ratio: '1:1' }, 1280, 800, 'webp'],
    ['recraft-ai/recraft-v3', { size: '1434x1024' }, 1434, 1024, 'webp'],
    ['recraft-ai/recraft-v3', { size: '1434x1024', aspect_ratio: '1:2' }, 1024, 2048, 'webp'],
    ['recraft-ai/recraft-v4', {}, 1024, 1024, 'webp'],
    ['recraft-ai/recraft-v3-svg', { size: '1024x1280' }, 1024, 1280, 'svg'],
    ['bytedance/seedream-4', { size: 'custom', width: 1030, height: 1077, aspect_ratio: '16:9' }, 1030, 1077, 'jpeg'],
    ['google/nano-banana-2', { aspect_ratio: '1:8', output_format: 'png' }, 368, 2896, 'png'],
    ['bytedance/seedream-5-lite', { aspect_ratio: '1:1', output_format: 'jpeg' }, 2048, 2048, 'jpeg'],
    ['google/nano-banana-pro', { aspect_ratio: '1:1', resolution: '1K' }, 1024, 1024, 'jpeg'],
  ])('%s with %j', async (id, input, width, height, format) => {
    expect(await firstOf(id, { prompt: 'a cat', ...input })).toMatchObject({ width, height, format });
  });

  it('as many as asked for, where the group is turned on', async () => {
    const seedream = findModel('bytedance/seedream-4')!;
    const small = { prompt: 'a cat', size: 'custom', width: 1024, height: 1024, max_images: 3 };
    const count = async (input: object) => (await run(seedream, input)).output?.length;
    expect(await count({ ...small, sequential_image_generation: 'auto' })).toBe(3);
    expect(await count(small)).toBe(1);
  });
});

describe('a source image', () => {
  it.each<[string, object, number, number]>([
    ['nightmareai/real-esrgan', {}, 384, 256],
    ['nightmareai/real-esrgan', { scale: 1.5 }, 144, 96],
    ['philz1337x/clarity-upscaler', {}, 192, 128],
    ['recraft-ai/recraft-crisp-upscale', {}, 384, 256],
    ['851-labs/background-remover', {}, 96, 64],
    ['cjwbw/rembg', {}, 96, 64],
    ['stability-ai/sdxl', { width: 512, height: 512 }, 96, 64],
  ])('decides the size of what %s makes with %j', async (id, input, width, height) => {
    expect(await firstOf(id, { prompt: 'a cat', image: source, ...input })).toMatchObject({ width, height });
  });

  it.each<[string, object]>([
    ['black-forest-labs/flux-kontext-pro', { input_image: 0 }],
    ['black-forest-labs/flux-2-pro', { input_images: [0], aspect_ratio: 'match_input_image' }],
    ['google/nano-banana', { image_input: [0] }],
    ['bytedance/seedream-4', { image_input: [0], size: '1K' }],
  ])('gives its shape to what %s makes', async (id, input) => {
    const given = JSON.parse(JSON.stringify(input).replace('0', JSON.stringify(source))) as object;
    const { width = 0, height = 1 } = await firstOf(id, { prompt: 'a cat', ...given });
    expect(width / height).toBeCloseTo(1.5, 1);
    expect(Math.abs(Math.log((width * height) / 1024 ** 2))).toBeLessThan(0.03);
  });

  it('is measured as a viewer shows it', async () => {
    const turned = await sharp({ create: { width: 40, height: 20, channels: 3, background: 'teal' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const image = `data:image/jpeg;base64,${turned.toString('base64')}`;
    expect(await firstOf('cjwbw/rembg', { image })).toMatchObject({ width: 20, height: 40 });
  });

  it('at an address is not fetched', async () => {
    const image = 'https://example.com/cat.png';
    expect(await firstOf('cjwbw/rembg', { image })).toMatchObject({ width: 1024, height: 1024 });
  });

  it('that is none fails no create', async () => {
    const image = 'data:image/png;base64,bm90IGFuIGltYWdl';
    expect(await firstOf('cjwbw/rembg', { image })).toMatchObject({ width: 1024, height: 1024 });
  });

  it('loses its background to transparency, where the format has it', async () => {
    expect(await firstOf('851-labs/background-remover', { image: source })).toMatchObject({
      format: 'png',
      hasAlpha: true,
    });
    const opaque = await firstOf('851-labs/background-remover', { image: source, format: 'jpg' });
    expect(opaque).toMatchObject({ type: 'image/jpeg', hasAlpha: false });
  });

  it('that is missing ends a run of a model that does not require it, and is no use without', async () => {
    expect(await run(findModel('cjwbw/rembg')!, {})).toMatchObject({ status: 'failed', output: null });
  });
});

describe('a create', () => {
  it.each<[string, object, string]>([
    ['google/imagen-4', { prompt: 'x', aspect_ratio: '4:5' }, 'input.aspect_ratio'],
    ['bytedance/seedream-4', { prompt: 'x', image_input: 'https://example.com/a.png' }, 'input.image_input'],
    ['bytedance/seedream-4', { prompt: 'x', image_input: ['not a uri'] }, 'input.image_input.0'],
    ['philz1337x/clarity-upscaler', { image: 'https://example.com/a.png', tiling_width: 17 }, 'input.tiling_width'],
    ['nightmareai/real-esrgan', { scale: 11, image: 'https://example.com/a.png' }, 'input.scale'],
    ['nightmareai/real-esrgan', { scale: 2 }, 'input'],
  ])('of %s with %j is refused', async (id, input, field) => {
    expect(await create(findModel(id)!, input)).toMatchObject({ status: 422, invalid_fields: [{ field }] });
  });

  it('is refused by what the model publishes, not by our stricter limits', async () => {
    const sdxl = findModel('stability-ai/sdxl')!;
    expect(await firstOf(sdxl.id, { prompt: 'x', width: 100, height: 100 })).toMatchObject({ width: 104, height: 104 });
    expect(await run(sdxl, { prompt: 'x', width: 50_000, height: 50_000 })).toMatchObject({
      error: 'CUDA out of memory',
    });
  });
});
