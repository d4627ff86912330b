import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import sharp from 'sharp';
import type { Client } from './client.js';
import { parseMetrics } from './metrics-text.js';
import { System } from './system.js';

describe('the first image', () => {
  let system: System;
  let alice: Client;
  let id: string;
  let imageId: string;

  beforeAll(async () => {
    system = await System.start();
    alice = await system.as('alice');
  }, 60_000);
  afterAll(() => system.stop());

  it('is made while the client waits for it', async () => {
    const json = { prompt: 'a lighthouse at dusk', output_format: 'png', aspect_ratio: '16:9', num_outputs: 2 };
    const answer = await alice.send('/v1/generations', { json, headers: { prefer: 'wait=30' } });

    expect({ status: answer.status, json: answer.json }).toMatchObject({
      status: 200,
      json: {
        status: 'completed',
        progress: 100,
        error: null,
        cost: { estimated_usd: 0.006, actual_usd: 0.006 },
        images: [
          { format: 'png', width: 1344, height: 768 },
          { format: 'png', width: 1344, height: 768 },
        ],
      },
    });
    expect(answer.headers.get('location')).toBe(`/v1/generations/${answer.json.id}`);
    id = answer.json.id;
    imageId = answer.json.images[0].id;
    expect(await alice.get(id)).toEqual(answer.json);
  });

  it('is a real image of the size and format that the answer tells', async () => {
    const { images } = await alice.get(id);
    for (const image of images) {
      const { pathname } = new URL(image.url);
      const { status, headers, bytes } = await alice.send(pathname);
      const { info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });

      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe('image/png');
      expect(info).toMatchObject({ width: 1344, height: 768 });
      expect((await sharp(bytes).metadata()).format).toBe('png');
      expect({ bytes: image.bytes, sha256: image.sha256 }).toEqual({
        bytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      });
    }
  });

  it('is in the list, as it is on its own', async () => {
    const generation = await alice.get(id);
    expect(await alice.list(generation.position)).toEqual([generation]);
  });

  it('has a history of every event, each exactly once', async () => {
    const history = await alice.history(id);
    expect(history.map(({ type }) => type)).toEqual([
      'GenerationRequested',
      'AttemptStarted',
      'PredictionCreated',
      'Generated',
      'AttemptStarted',
      'Downloaded',
    ]);
    expect(history.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(history.at(-1)?.position).toBe((await system.log()).last);
  });

  it('was paid for once', async () => {
    expect(await system.simulator.counters()).toMatchObject({ creates_received: 1, predictions_created: 1 });
  });

  it('does not exist for another user', async () => {
    const mallory = await system.as('mallory');
    const routes = [
      ['GET', `/v1/generations/${id}`],
      ['GET', `/v1/generations/${id}/history`],
      ['POST', `/v1/generations/${id}/cancel`],
      ['POST', `/v1/generations/${id}/retry`],
      ['GET', `/v1/images/${imageId}`],
      ['GET', `/v1/images/${imageId}/content`],
    ] as const;
    for (const [method, path] of routes) {
      const { status, headers, json } = await mallory.send(path, { method });
      expect({ path, status, code: json.code }).toEqual({ path, status: 404, code: 'not_found' });
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    }
    expect(await mallory.list()).toEqual([]);
    expect((await alice.get(id)).status).toBe('completed');
  });

  it('is seen by operators, and by nobody without credentials', async () => {
    expect((await system.operator.list()).map((generation) => generation.id)).toEqual([id]);
    expect((await system.operator.get(id)).id).toBe(id);
    for (const path of ['/v1/generations', `/v1/generations/${id}`, `/v1/images/${imageId}/content`]) {
      expect((await system.anonymous.send(path)).status).toBe(401);
    }
  });

  it('is counted in the metrics of both ports, which tell nothing of users', async () => {
    const scrape = async (url: string) => (await fetch(`${url}/metrics`)).text();
    const [ofGateway, ofWorker] = await Promise.all([scrape(system.gateways[0]!.url), scrape(system.workers[0]!.url)]);
    const [gateway, worker] = [parseMetrics(ofGateway), parseMetrics(ofWorker)];

    const model = 'black-forest-labs/flux-schnell';
    const accepted = { route: '/v1/generations', method: 'POST', code: '200' };
    expect(gateway.value('darkroom_http_request_duration_seconds_count', accepted)).toBe(1);
    expect(worker.value('darkroom_generations_total', { status: 'completed', model })).toBe(1);
    for (const stage of ['generate', 'download']) {
      expect(worker.value('darkroom_attempts_total', { stage, outcome: 'succeeded', model })).toBe(1);
      expect(worker.value('darkroom_stage_duration_seconds_count', { stage, model })).toBe(1);
      expect(worker.value('darkroom_jobs_in_flight', { stage })).toBe(0);
      expect(worker.value('darkroom_queue_depth', { stage, lane: 'normal' })).toBe(0);
    }
    expect(worker.value('darkroom_generation_duration_seconds_count', { model })).toBe(1);
    expect(worker.value('darkroom_cost_usd_total', { model })).toBeCloseTo(0.006);
    expect(worker.value('darkroom_provider_requests_total', { operation: 'create', code: 'ok' })).toBe(1);
    expect(worker.value('darkroom_projection_lag_events', { projection: 'read_models' })).toBe(0);
    for (const text of [ofGateway, ofWorker])
      expect(text).not.toMatch(/alice|mallory|lighthouse|[0-9a-f]{8}-[0-9a-f]{4}-/);
  });
});
