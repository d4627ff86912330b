import { describe, expect, it } from '@jest/globals';
import { fieldErrors } from '../errors/validation.js';
import { generationRequest } from './generation-request.js';

function fieldsRefused(body: unknown): string[] {
  const result = generationRequest.safeParse(body);
  return result.success ? [] : fieldErrors(result.error.issues).map(({ field }) => field);
}

const prompt = 'a lighthouse';

describe('generationRequest', () => {
  it('takes every field of the contract, and adds nothing to it', () => {
    const body = {
      prompt,
      model_id: 'black-forest-labs/flux-schnell',
      negative_prompt: 'fog',
      width: 1024,
      height: 768,
      num_inference_steps: 4,
      guidance_scale: 3.5,
      seed: 0,
      num_outputs: 4,
      output_format: 'png',
      source_image_url: 'https://example.com/a.png',
      reference_image_urls: ['https://example.com/b.png'],
      strength: 0,
      style: 'photo',
      priority: -100,
      max_attempts: 10,
      scheduled_at: '2030-01-01T12:00:00+02:00',
      webhook_url: 'https://example.com/hook',
      webhook_events: ['generation.completed'],
      metadata: { project: 'x' },
      model_options: { go_fast: true },
    };
    expect(generationRequest.parse(body)).toEqual(body);
    expect(generationRequest.parse({ prompt })).toEqual({ prompt });
    expect(fieldsRefused({ prompt, source_image_id: '01890a5d-ac96-774b-bcce-b302099a8051' })).toEqual([]);
    expect(fieldsRefused({ prompt, aspect_ratio: '16:9', seed: null })).toEqual([]);
  });

  it('looks no deeper into options than any model goes, however deep they are', () => {
    const nested = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}1${']'.repeat(depth)}`);
    expect(fieldsRefused({ prompt, model_options: { a: nested(5) } })).toEqual([]);
    expect(fieldsRefused({ prompt, model_options: { a: nested(9) } })).toEqual(['model_options']);
    expect(fieldsRefused({ prompt, model_options: { a: nested(200_000) } })).toEqual(['model_options']);
  });

  it.each([
    [{ prompt: '' }, 'prompt'],
    [{ prompt: 'x'.repeat(10_001) }, 'prompt'],
    [{ prompt: 7 }, 'prompt'],
    [{ prompt: 'a\u0000b' }, 'prompt'],
    [{ prompt: 'a\ud800b' }, 'prompt'],
    [{ prompt, promt: 'x' }, 'promt'],
    [{ prompt, user_id: 'bob' }, 'user_id'],
    [{ prompt, width: 0 }, 'width'],
    [{ prompt, width: 10.5 }, 'width'],
    [{ prompt, width: '1024' }, 'width'],
    [{ prompt, seed: 2 ** 53 }, 'seed'],
    [{ prompt, seed: -1 }, 'seed'],
    [{ prompt, num_outputs: 0 }, 'num_outputs'],
    [{ prompt, num_outputs: 5 }, 'num_outputs'],
    [{ prompt, strength: 1.1 }, 'strength'],
    [{ prompt, priority: 101 }, 'priority'],
    [{ prompt, priority: 0.5 }, 'priority'],
    [{ prompt, max_attempts: 0 }, 'max_attempts'],
    [{ prompt, max_attempts: 11 }, 'max_attempts'],
    [{ prompt, scheduled_at: 'tomorrow' }, 'scheduled_at'],
    [{ prompt, scheduled_at: '2030-02-30T00:00:00Z' }, 'scheduled_at'],
    [{ prompt, source_image_url: 'ftp://example.com/a.png' }, 'source_image_url'],
    [{ prompt, source_image_url: 'data:image/png;base64,AA' }, 'source_image_url'],
    [{ prompt, source_image_url: 'not a url' }, 'source_image_url'],
    [{ prompt, webhook_url: 'javascript:alert(1)' }, 'webhook_url'],
    [{ prompt, webhook_events: ['generation.completed'] }, 'webhook_url'],
    [{ prompt, webhook_url: 'https://example.com', webhook_events: ['nonsense'] }, 'webhook_events.0'],
    [{ prompt, metadata: { a: 1 } }, 'metadata.a'],
    [{ prompt, metadata: { a: 'x'.repeat(4_096) } }, 'metadata'],
    [{ prompt, metadata: { 'a\u0000': 'x' } }, 'metadata'],
    [{ prompt, model_options: { nested: { text: ['\u0000'] } } }, 'model_options.nested.text.0'],
    [{ prompt, model_options: [] }, 'model_options'],
    [[], 'body'],
    ['text', 'body'],
    [null, 'body'],
  ])('%p is refused for %s', (body, field) => {
    expect(fieldsRefused(body)).toEqual([field]);
  });

  it('names every wrong field at once', () => {
    expect(fieldsRefused({ prompt: 1, seed: 'x', nonsense: true }).sort()).toEqual(['nonsense', 'prompt', 'seed']);
  });
});
