import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FLUX_1_SIZES } from './entries/sizes.js';
import { prepareGeneration } from './prepare.js';
import { nearestChoice, ratioOf } from './size.js';

function prepared(size: { width?: number; height?: number; aspect_ratio?: string }, model_id?: string) {
  return prepareGeneration({ prompt: 'a cat', ...size, model_id });
}

describe('the size of a model with a list of sizes', () => {
  it.each([
    [1024, 1024, { aspect_ratio: '1:1' }],
    [1152, 896, { aspect_ratio: '4:3' }],
    [512, 512, { aspect_ratio: '1:1', megapixels: '0.25' }],
    [672, 384, { aspect_ratio: '16:9', megapixels: '0.25' }],
  ])('is exactly what was asked for: %d×%d', (width, height, inputs) => {
    expect(prepared({ width, height })).toMatchObject({ providerInput: inputs, warnings: [] });
  });

  it.each([
    [1920, 1080, { aspect_ratio: '16:9' }, '1344×768'],
    [1080, 1920, { aspect_ratio: '9:16' }, '768×1344'],
    [640, 480, { aspect_ratio: '4:3', megapixels: '0.25' }, '576×448'],
    [10_000, 10, { aspect_ratio: '21:9', megapixels: '0.25' }, '768×320'],
  ])('is the nearest, with a warning: %d×%d', (width, height, inputs, instead) => {
    expect(prepared({ width, height })).toMatchObject({
      providerInput: { prompt: 'a cat', ...inputs },
      warnings: [{ field: 'width', message: expect.stringContaining(instead) }],
    });
  });

  it('compares areas as ratios: 768×768 is nearer to 1024×1024 than to 512×512', () => {
    expect(prepared({ width: 768, height: 768 })).toMatchObject({
      providerInput: { prompt: 'a cat', aspect_ratio: '1:1' },
    });
  });

  it('is of the shape that was asked for, or of the nearest with a warning', () => {
    expect(prepared({ aspect_ratio: '21:9' })).toMatchObject({ providerInput: { aspect_ratio: '21:9' }, warnings: [] });
    expect(prepared({ aspect_ratio: '32:18' })).toMatchObject({
      providerInput: { aspect_ratio: '16:9' },
      warnings: [],
    });
    expect(prepared({ aspect_ratio: '7:4' })).toMatchObject({
      providerInput: { aspect_ratio: '16:9' },
      warnings: [{ field: 'aspect_ratio', message: expect.stringContaining('16:9') }],
    });
    expect(prepared({ aspect_ratio: 'wide' })).toMatchObject({ ok: false, errors: [{ field: 'aspect_ratio' }] });
  });

  it('says when its pixels are only about right', () => {
    expect(prepared({ width: 1024, height: 1024 }, 'google/nano-banana')).toMatchObject({
      providerInput: { aspect_ratio: '1:1' },
      warnings: [{ field: 'width', message: expect.stringContaining('1:1, about 1024×1024') }],
    });
  });

  it('is of no other shape that would have been nearer, and turns with the image', () => {
    const side = fc.integer({ min: 1, max: 10_000 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const chosen = nearestChoice(FLUX_1_SIZES, { width, height })?.aspect_ratio ?? '';
        const turned = nearestChoice(FLUX_1_SIZES, { width: height, height: width })?.aspect_ratio ?? '';
        if (FLUX_1_SIZES.some((size) => size.width === width && size.height === height)) return;
        const away = (ratio: string) => Math.abs(Math.log((ratioOf(ratio) ?? 0) / (width / height)));
        for (const { aspect_ratio } of FLUX_1_SIZES) {
          expect(away(chosen)).toBeLessThanOrEqual(away(aspect_ratio) + 1e-9);
        }
        expect(Math.abs(away(chosen) - away(turned.split(':').reverse().join(':')))).toBeLessThan(1e-9);
      }),
    );
  });
});

describe('the size of a model that takes pixels', () => {
  const SDXL = 'stability-ai/sdxl';

  it('is rounded to the steps that it takes, with a warning', () => {
    expect(prepared({ width: 1001, height: 1024 }, SDXL)).toMatchObject({
      providerInput: { width: 1000, height: 1024 },
      warnings: [{ field: 'width', message: expect.stringContaining('1000×1024') }],
    });
  });

  it('is sent as it is', () => {
    expect(prepared({ width: 1000, height: 2048 }, SDXL)).toMatchObject({
      providerInput: { width: 1000, height: 2048 },
      warnings: [],
    });
  });

  it.each([
    [248, 1024, 'width'],
    [1024, 250, 'height'],
    [1024, 2056, 'height'],
  ])('is refused outside the limits: %d×%d', (width, height, field) => {
    expect(prepared({ width, height }, SDXL)).toMatchObject({ ok: false, errors: [{ field }] });
  });

  it.each([
    ['1:1', 1024, 1024],
    ['16:9', 1368, 768],
    ['3:4', 888, 1184],
    ['7:4', 1352, 776],
    ['2.39:1', 1584, 664],
    ['8:1', 2048, 256],
  ])('is about one megapixel of the ratio %s', (aspect_ratio, width, height) => {
    expect(prepared({ aspect_ratio }, SDXL)).toMatchObject({ providerInput: { width, height }, warnings: [] });
  });

  it('is less than a megapixel where the limits on its sides ask for it', () => {
    expect(prepared({ aspect_ratio: '21:9' }, 'bytedance/sdxl-lightning-4step')).toMatchObject({
      providerInput: { width: 1280, height: 552 },
      warnings: [],
    });
    expect(prepared({ aspect_ratio: '12:5' }, 'black-forest-labs/flux-pro')).toMatchObject({
      providerInput: { aspect_ratio: 'custom', width: 1440, height: 608 },
      warnings: [],
    });
  });

  it.each(['wide', '0:1', '1:0', '16/9', '100:1', '1:2:3', ''])('is refused for the ratio %j', (aspect_ratio) => {
    expect(prepared({ aspect_ratio }, SDXL)).toMatchObject({ ok: false, errors: [{ field: 'aspect_ratio' }] });
  });
});

describe('the size of a model that takes shapes and pixels', () => {
  const [FLUX_PRO, FLUX_2] = ['black-forest-labs/flux-pro', 'black-forest-labs/flux-2-pro'];

  it('is a shape by its name, anything else in pixels', () => {
    expect(prepared({ aspect_ratio: '16:9' }, FLUX_PRO)).toMatchObject({
      providerInput: { prompt: 'a cat', aspect_ratio: '16:9' },
      warnings: [],
    });
    expect(prepared({ aspect_ratio: '7:4' }, FLUX_PRO)).toMatchObject({
      providerInput: { aspect_ratio: 'custom', width: 1344, height: 768 },
      warnings: [],
    });
    expect(prepared({ width: 1024, height: 1024 }, FLUX_PRO)).toMatchObject({
      providerInput: { aspect_ratio: 'custom', width: 1024, height: 1024 },
      warnings: [],
    });
  });

  it('is rounded to what the model takes, with a warning', () => {
    expect(prepared({ width: 1000, height: 700 }, FLUX_2)).toMatchObject({
      providerInput: { aspect_ratio: 'custom', width: 1008, height: 704 },
      warnings: [{ field: 'width', message: expect.stringContaining('1008×704') }],
    });
  });

  it('is the nearest shape when it takes no such pixels', () => {
    expect(prepared({ width: 1920, height: 1080 }, FLUX_PRO)).toMatchObject({
      providerInput: { prompt: 'a cat', aspect_ratio: '16:9' },
      warnings: [{ field: 'width', message: expect.stringContaining('16:9, about 1360×768') }],
    });
    expect(prepared({ width: 640, height: 480 }, 'bytedance/seedream-4')).toMatchObject({
      providerInput: { prompt: 'a cat', aspect_ratio: '4:3', size: '1K' },
      warnings: [{ field: 'width' }],
    });
  });

  it('is the nearest shape when pixels of it would be too far from square', () => {
    expect(prepared({ aspect_ratio: '20:1' }, FLUX_PRO)).toMatchObject({
      providerInput: { prompt: 'a cat', aspect_ratio: '16:9' },
      warnings: [{ field: 'aspect_ratio' }],
    });
  });
});

describe('a size', () => {
  it('is both width and height, or neither', () => {
    expect(prepared({ width: 512 })).toMatchObject({ ok: false, errors: [{ field: 'height' }] });
    expect(prepared({ height: 512 })).toMatchObject({ ok: false, errors: [{ field: 'width' }] });
  });

  it('is pixels or a ratio, not both', () => {
    const both = { width: 512, height: 512, aspect_ratio: '1:1' };
    expect(prepared(both)).toMatchObject({ ok: false, errors: [{ field: 'aspect_ratio' }] });
  });
});
