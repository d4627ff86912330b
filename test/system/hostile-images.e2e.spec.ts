import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CommandRunner, connectBroker, JetStreamEventStore, type Broker } from '@darkroom/events';
import sharp from 'sharp';
import { FileServer } from '../../apps/worker/test/images/file-server.js';
import { blackPng } from '../../apps/worker/test/images/png.js';
import { playGenerated } from '../../apps/worker/test/play-provider.js';
import type { Client } from './client.js';
import { System } from './system.js';

const MEGABYTES_400 = 400_000_000;
const OPEN = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 400"';

/** What a provider could send that is meant to hurt, through the worker as it is started by `npm start`. */
describe('hostile images', () => {
  let system: System;
  let broker: Broker;
  let files: FileServer;
  let alice: Client;

  beforeAll(async () => {
    // All but generate: the predictions are played.
    system = await System.start({ workerEnv: { WORKER_ROLES: 'dispatch,download,project' } });
    files = await FileServer.start();
    broker = await connectBroker({ servers: [system.nats.url], name: 'test' });
    alice = await system.as('alice');
  });
  afterAll(async () => {
    await broker.close();
    await Promise.all([system.stop(), files.stop()]);
  });

  /** Every file at once, each as the only attempt at the only image of a generation. How they end, in order. */
  async function downloaded(contents: readonly Buffer[]) {
    const runner = new CommandRunner(new JetStreamEventStore(broker), { source: '/darkroom/test' });
    const ids = await Promise.all(
      contents.map(async (content, index) => {
        const { id } = await alice.request({ prompt: 'a lighthouse', max_attempts: 1 });
        await playGenerated(runner, id, [files.put(`${id}-${index}.png`, content, 'image/png')]);
        return id;
      }),
    );
    return Promise.all(ids.map((id) => alice.ended(id, 90_000)));
  }

  const black = (side: number) => sharp({ create: { width: side, height: side, channels: 3, background: '#000' } });

  it('are refused with a code or made harmless, and the worker stays below 400 MB', async () => {
    const progressive = await black(5_000).jpeg({ progressive: true }).toBuffer();
    const jpeg = await black(900).jpeg().toBuffer();
    const [bomb, tooManyPasses, cut, html, endless, script, ...large] = await downloaded([
      blackPng(50_000, 50_000),
      await black(6_000).jpeg({ progressive: true }).toBuffer(),
      jpeg.subarray(0, jpeg.length / 2),
      Buffer.from('<!doctype html><html><script>alert(1)</script></html>'),
      Buffer.from(endlessDrawing()),
      Buffer.from(`${OPEN} onload="alert(1)"><script>alert(1)</script><rect width="600" height="400"/></svg>`),
      blackPng(9_999, 9_999),
      progressive,
      progressive,
      progressive,
      progressive,
    ]);
    const codes = [bomb, tooManyPasses, cut, html, endless].map((ended) => [ended?.status, ended?.error?.code]);
    expect(codes).toEqual([
      ['failed', 'image_too_large'],
      ['failed', 'image_too_large'],
      ['failed', 'image_invalid'],
      ['failed', 'image_invalid'],
      ['failed', 'image_too_large'],
    ]);
    expect(large.map(({ status, images: [image] }) => [status, image?.width])).toEqual([
      ['completed', 9_999],
      ['completed', 5_000],
      ['completed', 5_000],
      ['completed', 5_000],
      ['completed', 5_000],
    ]);
    const [image] = script!.images;
    expect(image).toMatchObject({ format: 'svg', width: 600, height: 400 });
    const served = await alice.send(`/v1/images/${image!.id}/content`);
    expect(served.headers.get('content-type')).toBe('image/svg+xml');
    expect(served.bytes.toString()).not.toMatch(/script|alert|onload/);
    expect((await alice.send(`/v1/images/${image!.id}/thumbnail`)).headers.get('content-type')).toBe('image/webp');
    expect(system.workers[0]!.peakBytes()).toBeLessThan(MEGABYTES_400);
  }, 180_000);
});

/** Hundreds of blurred drawings upon each other, from few lines. */
function endlessDrawing(): string {
  const level = (depth: number) =>
    `<g id="l${depth}">${`<use href="#l${depth - 1}" opacity="0.9" filter="url(#f)"/>`.repeat(9)}</g>`;
  return `${OPEN}><defs><filter id="f"><feGaussianBlur stdDeviation="99"/></filter>
    <g id="l0"><rect width="600" height="400"/></g>${[1, 2, 3, 4, 5].map(level).join('')}</defs><use href="#l5"/></svg>`;
}
