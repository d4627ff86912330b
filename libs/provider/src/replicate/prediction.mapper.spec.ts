import { describe, expect, it } from '@jest/globals';
import type { ReplicatePrediction } from '../schemas/index.js';
import { toPrediction } from './prediction.mapper.js';

const body: ReplicatePrediction = {
  id: 'gm3qorzdhgbfurvjtvhg6dckhu',
  model: 'black-forest-labs/flux-schnell',
  status: 'succeeded',
  input: { prompt: 'Alice' },
  output: ['https://replicate.delivery/a/out-0.webp'],
  error: null,
  created_at: '2026-11-21T10:19:34.907244Z',
  completed_at: '2026-11-21T12:19:35.5+02:00',
  metrics: { predict_time: 0.5, total_time: 0.6 },
};

describe('toPrediction', () => {
  it('tells times in UTC and seconds as they are', () => {
    expect(toPrediction(body)).toMatchObject({
      createdAt: '2026-11-21T10:19:34.907Z',
      completedAt: '2026-11-21T10:19:35.500Z',
      deadline: null,
      predictTime: 0.5,
      totalTime: 0.6,
      logs: '',
      dataRemoved: false,
    });
  });

  it.each([
    ['a URI', 'https://replicate.delivery/a.png', ['https://replicate.delivery/a.png']],
    ['URIs', ['https://a.example/1', 'https://a.example/2'], ['https://a.example/1', 'https://a.example/2']],
    ['nothing', null, []],
    ['a text', 'hello Alice', []],
    ['an object', { image: 'https://a.example/1', seed: 7 }, ['https://a.example/1']],
    [
      'an object of arrays',
      { images: ['https://a.example/1', 'https://a.example/2'] },
      ['https://a.example/1', 'https://a.example/2'],
    ],
    [
      'objects',
      [{ url: 'https://a.example/1' }, { url: 'https://a.example/2' }],
      ['https://a.example/1', 'https://a.example/2'],
    ],
    [
      'a file that is named twice',
      { image: 'https://a.example/1', images: ['https://a.example/1'] },
      ['https://a.example/1'],
    ],
    ['another shape', [7, true, 'file:///etc/passwd', 'data:image/png;base64,AA==', { text: 'hello' }], []],
    ['objects without end', deep('https://a.example/1'), []],
  ])('finds files in an output of %s', (_name, output, expected) => {
    expect(toPrediction({ ...body, output }).outputs).toEqual(expected);
  });

  it('has no outputs before success', () => {
    expect(toPrediction({ ...body, status: 'processing', completed_at: null }).outputs).toEqual([]);
  });

  it('takes an unknown status for running until the prediction is completed, and for failed then', () => {
    expect(toPrediction({ ...body, status: 'queued', completed_at: null })).toMatchObject({
      status: 'processing',
      error: null,
    });
    expect(toPrediction({ ...body, status: 'evicted' })).toMatchObject({
      status: 'failed',
      error: 'Prediction ended with unknown status "evicted"',
    });
  });

  it('reads an error in any shape', () => {
    expect(toPrediction({ ...body, status: 'failed', error: 'CUDA' }).error).toBe('CUDA');
    expect(toPrediction({ ...body, status: 'failed', error: { code: 'E1' } }).error).toBe('{"code":"E1"}');
  });
});

function deep(url: string): object {
  return Array.from({ length: 10_000 }).reduce<object>((inner) => ({ inner }), { url });
}
