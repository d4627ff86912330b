import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { noisePicture, startSourceServer, type SourceServer } from '../../apps/worker/test/source-server.js';
import { eventually } from '../support/eventually.js';
import { hugePng } from '../support/huge-png.js';
import type { Client } from './client.js';
import { parseMetrics } from './metrics-text.js';
import { System } from './system.js';

const MODEL = 'black-forest-labs/flux-dev';

describe('images to start from', () => {
  let system: System;
  let server: SourceServer;
  let alice: Client;

  beforeAll(async () => {
    system = await System.start();
    server = await startSourceServer();
    alice = await system.as('alice');
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await system.stop();
  });

  it('are uploaded, and what is made of them is started from again', async () => {
    const body = await noisePicture(400);
    const upload = await alice.send('/v1/uploads', { body, headers: { 'content-type': 'image/png' } });
    expect(upload).toMatchObject({ status: 201, json: { width: 400, height: 400, format: 'png' } });
    const from = { prompt: 'from an upload', model_id: MODEL, source_image_url: upload.json.url as string };
    const first = await alice.completed((await alice.request(from)).id);
    const again = { prompt: 'from an image', model_id: MODEL, source_image_id: first.images[0]!.id };
    const second = await alice.completed((await alice.request(again)).id);
    expect(second.source_image_id).toBe(first.images[0]!.id);
    expect(await system.simulator.counters()).toMatchObject({ predictions_created: 2, files_uploaded: 1 });

    const bob = await system.as('bob');
    for (const source of [{ source_image_url: upload.json.url as string }, { source_image_id: first.images[0]!.id }]) {
      const answer = await bob.send('/v1/generations', { json: { prompt: 'x', model_id: MODEL, ...source } });
      expect(answer).toMatchObject({ status: 422, json: { code: 'validation_failed' } });
    }
  }, 60_000);

  it('that were made to do harm cost neither money nor memory', async () => {
    const before = await system.simulator.counters();
    const jpeg = await sharp({ create: { width: 3_990, height: 3_990, channels: 3, background: 'teal' } })
      .jpeg({ progressive: true, chromaSubsampling: '4:4:4' })
      .toBuffer();
    const harmful = [
      server.serve('/page.png', Buffer.from('<!doctype html><html></html>')),
      server.serve('/bomb.png', hugePng(50_000, 50_000)),
      server.serve('/cut.jpg', jpeg.subarray(0, jpeg.length / 2), 'image/jpeg'),
      server.serve('/long.png', Buffer.alloc(30_000_000)),
    ];
    let peak = 0;
    let done = false;
    const watched = eventually(
      async () => {
        const metrics = parseMetrics(await (await fetch(`${system.workers[0]!.url}/metrics`)).text());
        peak = Math.max(peak, metrics.value('process_resident_memory_bytes', {}) ?? 0);
        return done;
      },
      { timeoutMs: 80_000 },
    );
    // Ten times each, all at once: as many as it fetches together, and more.
    const asked = Array.from({ length: 10 }, () => harmful).flat();
    const ids = await Promise.all(
      asked.map(async (url) => (await alice.request({ prompt: 'x', model_id: MODEL, source_image_url: url })).id),
    );
    for (const id of ids) {
      const failed = async () => (await alice.get(id)).error;
      expect(await eventually(failed)).toMatchObject({ code: 'source_invalid', stage: 'generate', retryable: false });
    }
    done = true;
    await watched;
    expect(peak).toBeGreaterThan(0);
    expect(peak).toBeLessThan(400_000_000);
    expect((await system.simulator.counters()).creates_received).toBe(before.creates_received);

    // The largest that is taken, whole: the worker is as able as before.
    const sound = { prompt: 'x', model_id: MODEL, source_image_url: server.serve('/sound.jpg', jpeg, 'image/jpeg') };
    expect((await alice.completed((await alice.request(sound)).id)).images).toHaveLength(1);
  }, 120_000);
});
