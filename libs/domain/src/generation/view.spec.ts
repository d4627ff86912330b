import { describe, expect, it } from '@jest/globals';
import { progressOf, STATUSES } from './generation.js';
import {
  cancel,
  download,
  failAttempt,
  generate,
  held,
  minute,
  predict,
  requested,
  Scenario,
  start,
} from './spec-support.js';
import { viewOf } from './view.js';

const ID = '0198c5f0-7d8e-7cc0-a111-5b2f3d9c4e10';

function view(scenario: Scenario, now = minute(30)) {
  return viewOf(scenario.state, { id: ID, position: 42, now, publicUrl: 'https://darkroom.example' });
}

const processing = () =>
  new Scenario().given(requested({ metadata: { order: '7' } }), start('generate'), held(predict));

describe('viewOf', () => {
  it('shows a request as it was made', () => {
    expect(view(new Scenario().given(requested({ priority: 5, lane: 'high' })))).toMatchObject({
      id: ID,
      status: 'queued',
      progress: 10,
      model_id: 'black-forest-labs/flux-schnell',
      prompt: 'a cat',
      seed: 0,
      attempt: 0,
      max_attempts: 3,
      priority: 5,
      lane: 'high',
      created_at: minute(1),
      started_at: null,
      completed_at: null,
      error: null,
      images: [],
      cost: { estimated_usd: 0.003, actual_usd: null },
      version: 1,
      position: 42,
    });
  });

  it('shows a schedule until it is due', () => {
    const scenario = new Scenario().given(requested({ scheduled_at: minute(20) }));
    expect(view(scenario, minute(19))).toMatchObject({ status: 'scheduled', progress: 0, scheduled_at: minute(20) });
    expect(view(scenario, minute(20))).toMatchObject({ status: 'queued', progress: 10 });
  });

  it('shows the attempt in hand', () => {
    expect(view(processing())).toMatchObject({
      status: 'processing',
      progress: 10,
      attempt: 1,
      started_at: minute(2),
      metadata: { order: '7' },
    });
  });

  it('shows a download as such', () => {
    expect(view(processing().given(held(generate)))).toMatchObject({
      status: 'downloading',
      progress: 80,
      cost: { actual_usd: 0.003 },
    });
  });

  it('shows images with their addresses', () => {
    const done = processing().given(held(generate), start('download'), held(download));
    expect(view(done)).toMatchObject({
      status: 'completed',
      progress: 100,
      attempt: 1,
      completed_at: minute(6),
      images: [{ url: `https://darkroom.example/v1/images/${ID.slice(0, -1)}1/content`, width: 1024, height: 1024 }],
    });
    expect(JSON.stringify(view(done))).not.toMatch(/storage_key|replicate\.delivery|user-1/);
  });

  it('shows where a thumbnail is, where there is one', () => {
    const thumbnails = [{ width: 256, height: 256, bytes: 99, storage_key: 'images/1-256.webp' }];
    const withThumbnails = (fence: number) => {
      const intent = download(fence);
      if (intent.type !== 'RecordDownloaded') throw new Error(intent.type);
      return { ...intent, images: intent.images.map((image) => ({ ...image, thumbnails })) };
    };
    const before = () => processing().given(held(generate), start('download'));
    expect(view(before().given(held(download))).images[0]?.thumbnail_url).toBeNull();
    const { images } = view(before().given(held(withThumbnails)));
    expect(images[0]?.thumbnail_url).toBe(`https://darkroom.example/v1/images/${images[0]?.id}/thumbnail`);
    expect(JSON.stringify(images)).not.toContain('storage_key');
  });

  it('shows why an attempt failed and when the next one comes', () => {
    const scenario = processing().given(held((fence) => failAttempt(fence, 'prediction_failed')));
    expect(view(scenario)).toMatchObject({
      status: 'queued',
      attempt: 1,
      retry_at: minute(500),
      error: { code: 'prediction_failed', stage: 'generate', retryable: true },
    });
  });

  it('shows every attempt of a generation that failed', () => {
    const failing = [start('generate'), held((fence) => failAttempt(fence, 'prediction_failed'))];
    const scenario = new Scenario().given(requested(), ...failing, ...failing, ...failing);
    expect(view(scenario)).toMatchObject({ status: 'failed', attempt: 3, error: { retryable: false }, retry_at: null });
  });

  it('shows a cancellation', () => {
    expect(view(processing().given(cancel))).toMatchObject({ status: 'cancelled', attempt: 1, error: null });
  });
});

it('shows what is known of the progress, as long as that is more than the status tells', () => {
  const at = (progress: number) => {
    const { state } = processing();
    return viewOf(state, { id: ID, position: 42, now: minute(30), publicUrl: '', progress }).progress;
  };
  expect([at(0), at(10), at(45), at(80)]).toEqual([10, 10, 45, 80]);
});

it('progress never goes back on the way to the end', () => {
  const way = ['scheduled', 'queued', 'processing', 'downloading', 'completed'] as const;
  expect(way.map(progressOf)).toEqual([0, 10, 10, 80, 100]);
  for (const status of STATUSES) expect(progressOf(status)).toBeLessThanOrEqual(100);
});
