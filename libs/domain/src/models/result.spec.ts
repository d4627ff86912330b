import { describe, expect, it } from '@jest/globals';
import { findModel } from './catalogue.js';
import { expectedResult, sourceOf } from './result.js';
import { SOURCE } from './spec-support.js';

const of = (id: string, input: Record<string, unknown>, source: { width: number; height: number } | null = null) =>
  expectedResult(findModel(id)!, { prompt: 'a cat', ...input }, source);

describe('what a model makes of an input', () => {
  it.each<[string, object, object]>([
    ['black-forest-labs/flux-schnell', {}, { width: 1024, height: 1024, exact: true, format: 'webp', count: 1 }],
    ['black-forest-labs/flux-schnell', { megapixels: '0.25', num_outputs: 4 }, { width: 512, height: 512, count: 4 }],
    ['black-forest-labs/flux-schnell', { aspect_ratio: '9:21' }, { width: 640, height: 1536 }],
    ['black-forest-labs/flux-pro', { aspect_ratio: 'custom', width: 500, height: 300 }, { width: 512, height: 288 }],
    ['black-forest-labs/flux-pro', { aspect_ratio: '1:1', width: 500, height: 300 }, { width: 1024, exact: false }],
    ['black-forest-labs/flux-2-pro', { resolution: '4 MP' }, { width: 2048, height: 2048, exact: false }],
    ['stability-ai/sdxl', { width: 512 }, { width: 512, height: 1024, exact: true, format: 'png' }],
    ['ideogram-ai/ideogram-v3-turbo', { resolution: '704x1152' }, { width: 704, height: 1152, format: null }],
    ['ideogram-ai/ideogram-v3-turbo', { resolution: 'None', aspect_ratio: '1:1' }, { width: 1024, exact: false }],
    ['recraft-ai/recraft-v3', { aspect_ratio: '16:9', size: '1024x1024' }, { width: 1820, height: 1024 }],
    ['google/imagen-4', { image_size: '2K' }, { width: 2048, height: 2048, format: 'jpg' }],
    ['qwen/qwen-image', {}, { width: 1776, height: 1008, exact: false }],
    ['bytedance/seedream-4', { size: '4K' }, { width: 4096, height: 4096, format: 'jpg' }],
    ['bytedance/seedream-4', { max_images: 4 }, { count: 1 }],
    ['bytedance/seedream-4', { max_images: 4, sequential_image_generation: 'auto' }, { count: 4 }],
  ])('%s with %j', (id, input, expected) => {
    expect(of(id, { ...input })).toMatchObject(expected);
  });

  it.each<[string, object, object]>([
    ['nightmareai/real-esrgan', { image: SOURCE }, { width: 1200, height: 800, exact: true }],
    ['philz1337x/clarity-upscaler', { image: SOURCE, scale_factor: 3 }, { width: 900, height: 600 }],
    ['cjwbw/rembg', { image: SOURCE }, { width: 300, height: 200 }],
    ['black-forest-labs/flux-dev', { image: SOURCE, aspect_ratio: '1:1' }, { width: 300, height: 200, exact: false }],
    ['stability-ai/sdxl', { image: SOURCE, width: 512, height: 512 }, { width: 300, height: 200 }],
    ['stability-ai/sdxl', { image: SOURCE, mask: SOURCE, width: 512, height: 512 }, { width: 512, height: 512 }],
    ['black-forest-labs/flux-pro', { image_prompt: SOURCE }, { width: 1024, height: 1024 }],
    ['black-forest-labs/flux-kontext-pro', { input_image: SOURCE }, { width: 1248, height: 832, exact: false }],
    ['black-forest-labs/flux-kontext-pro', { input_image: SOURCE, aspect_ratio: '1:1' }, { width: 1024 }],
    ['bytedance/seedream-4', { image_input: [SOURCE], size: '1K' }, { width: 1248, height: 832 }],
    ['bytedance/seedream-4', { size: '1K' }, { width: 1024, height: 1024 }],
  ])('%s with %j and a source of 300×200', (id, input, expected) => {
    expect(of(id, { ...input }, { width: 300, height: 200 })).toMatchObject(expected);
  });

  it('starts from the first image that it is given', () => {
    const [seedream, rembg] = [findModel('bytedance/seedream-4')!, findModel('cjwbw/rembg')!];
    expect(sourceOf(seedream, { image_input: [SOURCE, 'https://example.com/other.png'] })).toBe(SOURCE);
    expect(sourceOf(seedream, { image_input: [] })).toBeNull();
    expect(sourceOf(rembg, { image: SOURCE })).toBe(SOURCE);
    expect(sourceOf(rembg, { image: '' })).toBeNull();
  });
});
