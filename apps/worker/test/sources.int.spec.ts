import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { FailureCode } from '@darkroom/domain';
import { ReplicateProvider } from '@darkroom/provider';
import { openStorage, uploadKey } from '@darkroom/storage';
import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { v7 as uuidv7 } from 'uuid';
import { hugePng } from '../../../test/support/huge-png.js';
import { eventually } from '../../../test/support/eventually.js';
import type { FaultInput } from '../../simulator/src/start.js';
import { largePicture, smallPicture, startSourceServer, type SourceServer } from './source-server.js';
import { WorkerFixture } from './worker-fixture.js';

const MODEL = 'black-forest-labs/flux-dev';
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

describe('an image to start from', () => {
  let fixture: WorkerFixture;
  let server: SourceServer;
  let small: Buffer;
  let large: Buffer;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
    [small, large] = [await smallPicture('#ff8800'), await largePicture()];
    expect(large.length).toBeGreaterThan(256 * 1_024);
  });
  afterAll(() => fixture.stop());
  beforeEach(async () => {
    await fixture.reset();
    server = await startSourceServer();
  });
  afterEach(async () => {
    await fixture.closeWorkers();
    await server.stop();
  });

  const counters = () => fixture.simulator.control.counters();
  const request = (source: string, options = {}) =>
    fixture.request({ modelId: MODEL, source_image_url: source }, options);
  const inputs = () => fixture.simulator.control.predictions().map(({ input }) => input as { image: string });
  const failures = async (id: string) =>
    (await fixture.events(id)).flatMap((event) =>
      event.type === 'AttemptFailed' ? [[event.data.error.code, event.data.counted]] : [],
    );

  /** What a model would be given for the value of an input. */
  function contentOf(value: string): Buffer | undefined {
    const [, data] = /^data:image\/[a-z]+;base64,(.+)$/.exec(value) ?? [];
    return data === undefined ? fixture.simulator.control.uploaded(value)?.content : Buffer.from(data, 'base64');
  }

  describe('reaches the provider', () => {
    it('as a data URI, of the type that its bytes have', async () => {
      const webp = await smallPicture('#00ff00', 'webp');
      await fixture.startWorker();
      const id = await request(server.serve('/a.jpg', webp, 'image/jpeg'));
      expect((await fixture.ended(id)).status).toBe('completed');
      expect(inputs()).toMatchObject([{ image: `data:image/webp;base64,${webp.toString('base64')}` }]);
      expect(counters().uploads_received).toBe(0);
    });

    it('as a file when it is large, once for all who give the same bytes', async () => {
      await fixture.startWorker();
      const ids = [await request(server.serve('/a.png', large)), await request(server.serve('/b.png', large))];
      for (const id of ids) expect((await fixture.ended(id)).status).toBe('completed');
      await fixture.startWorker();
      const later = await request(server.serve('/c.png', large));
      expect((await fixture.ended(later)).status).toBe('completed');

      const [image, ...others] = inputs().map((input) => input.image);
      expect(image).toMatch(/^http:.*\/v1\/files\/\w+$/);
      expect(contentOf(image!)?.equals(large)).toBe(true);
      expect(others).toEqual([image, image]);
      const begun = (await fixture.events(later)).find((event) => event.type === 'AttemptStarted');
      expect(begun?.data.sent_images).toEqual([
        { address: server.serve('/c.png', large), sha256: sha256(large), file_url: image },
      ]);
    });

    it('out of our own storage', async () => {
      const storage = await openStorage(fixture.config().storageUrl);
      const key = uploadKey({ userId: 'user-1', sha256: sha256(large), format: 'png' });
      await storage.put(key, large, { contentType: 'image/png' });
      await fixture.startWorker();
      const own = 'http://localhost:3000/v1/uploads/x/content';
      const id = await request(own, { stored: { [own]: `storage:${key}` } });
      expect((await fixture.ended(id)).status).toBe('completed');
      expect(contentOf(inputs()[0]!.image)?.equals(large)).toBe(true);
    });
  });

  describe('when the answer of a create is lost', () => {
    it.each(['small', 'large'])('a %s one: the prediction is adopted and paid once', async (size) => {
      fixture.simulator.control.fault({ kind: 'reset_after_create' });
      await fixture.startWorker();
      const id = await request(server.serve('/a.png', size === 'small' ? small : large));
      expect((await fixture.ended(id)).status).toBe('completed');
      expect(counters()).toMatchObject({ creates_received: 1, predictions_created: 1 });
      const created = (await fixture.events(id)).find((event) => event.type === 'PredictionCreated');
      expect(created?.data).toMatchObject({ adopted: true });
    });

    it('generations that differ in nothing else each adopt their own', async () => {
      fixture.simulator.control.fault({ kind: 'reset_after_create', times: 'always' });
      const colours = ['#111111', '#222222', '#333333', '#444444'];
      const pictures = [
        ...(await Promise.all(colours.map((colour) => smallPicture(colour)))),
        large,
        await largePicture(),
      ];
      await fixture.startWorker();
      const ids = await Promise.all(pictures.map((picture, index) => request(server.serve(`/${index}.png`, picture))));
      const states = await Promise.all(ids.map((id) => fixture.ended(id, 60_000)));
      expect(states.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
      expect(counters()).toMatchObject({ creates_received: 6, predictions_created: 6 });
      const predictions = fixture.simulator.control.predictions();
      states.forEach((state, index) => {
        const own = predictions.find(({ id }) => id === state.generated!.prediction_id)!;
        expect(contentOf((own.input as { image: string }).image)?.equals(pictures[index]!)).toBe(true);
      });
    }, 90_000);

    it('and its worker is gone, as is the image: another finds it by what the log says was sent', async () => {
      const source = server.serve('/gone.png', (_request, response) => response.writeHead(410).end());
      const id = await request(source);
      const image = `data:image/png;base64,${small.toString('base64')}`;
      const at = new Date().toISOString();
      const deadline = new Date(Date.now() + 60_000).toISOString();
      const sentImages = [{ address: source, sha256: sha256(small), file_url: null }];
      const start = { type: 'StartAttempt', stage: 'generate', worker: 'dead', deadline, sentImages } as const;
      await fixture.runner.execute(id, { ...start, commandId: uuidv7(), at });
      const { request: asked } = await fixture.state(id);
      const prediction = await new ReplicateProvider(fixture.config().replicate).create({
        model: MODEL,
        version: null,
        input: { ...asked.provider_input, image },
        cancelAfterSeconds: 60,
      });
      await fixture.startWorker();
      const state = await fixture.ended(id);
      expect(state).toMatchObject({ status: 'completed', generated: { prediction_id: prediction.id } });
      expect(counters().creates_received).toBe(1);
    });
  });

  describe('that cannot be had', () => {
    const away: RequestListener = (_request, response) => void response.writeHead(503).end();

    it('is asked for again, and nothing of the provider until it is there', async () => {
      let looks = 0;
      const source = server.serve('/a.png', (request, response) => {
        if (++looks <= 2) away(request, response);
        else response.end(small);
      });
      await fixture.startWorker();
      const id = await request(source);
      expect((await fixture.ended(id)).status).toBe('completed');
      expect(await failures(id)).toEqual([
        ['source_unavailable', true],
        ['source_unavailable', true],
      ]);
      expect(counters()).toMatchObject({ creates_received: 1 });
      const begun = (await fixture.events(id)).filter((event) => event.type === 'AttemptStarted');
      // Nothing of a first attempt can be running: no deadline has to be waited for.
      expect(begun.slice(0, 2).map(({ data }) => data.deadline)).toEqual([null, null]);
    });

    it('costs all attempts, and no money', async () => {
      await fixture.startWorker();
      const id = await request(server.serve('/a.png', away), { maxAttempts: 2 });
      expect(await fixture.ended(id)).toMatchObject({
        status: 'failed',
        error: { code: 'source_unavailable', stage: 'generate', retryable: false },
      });
      expect(counters().creates_received).toBe(0);
      expect(server.requests.get('/a.png')).toBe(2);
    });

    it('is not asked for again when its generation was cancelled', async () => {
      let asked = (): void => undefined;
      const arrived = new Promise<void>((resolve) => (asked = resolve));
      const source = server.serve('/slow.png', () => asked());
      await fixture.startWorker();
      const id = await request(source);
      await arrived;
      await fixture.cancel(id);
      await fixture.closeWorkers();
      expect(await fixture.types(id)).toEqual(['GenerationRequested', 'Cancelled']);
      expect(counters().creates_received).toBe(0);
    });

    it('is handed back with its work by a worker that ends', async () => {
      let asked = (): void => undefined;
      const arrived = new Promise<void>((resolve) => (asked = resolve));
      const source = server.serve('/slow.png', () => asked());
      await fixture.startWorker();
      const id = await request(source);
      await arrived;
      await fixture.closeWorkers();
      expect(await fixture.types(id)).toEqual(['GenerationRequested']);
      server.serve('/slow.png', small);
      await fixture.startWorker();
      expect((await fixture.ended(id)).status).toBe('completed');
      expect(counters().creates_received).toBe(1);
    });
  });

  describe('that is none', () => {
    const html = '<!doctype html><html><body>Sorry</body></html>';
    const redirect: RequestListener = (_request, response) =>
      void response.writeHead(302, { location: 'http://user:secret@127.0.0.1/' }).end();
    const cases: readonly (readonly [string, () => Buffer | RequestListener, FailureCode])[] = [
      ['a web page', () => Buffer.from(html), 'source_invalid'],
      ['a PDF', () => Buffer.from('%PDF-1.7\n%%EOF\n'), 'source_invalid'],
      ['an SVG', () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), 'source_invalid'],
      ['nothing', () => Buffer.alloc(0), 'source_invalid'],
      ['a PNG that ends early', () => large.subarray(0, large.length - 1_000), 'source_invalid'],
      ['a PNG of 50,000 by 50,000 pixels', () => hugePng(50_000, 50_000), 'source_invalid'],
      ['more than 10 MB', () => Buffer.concat([large, Buffer.alloc(10_000_000)]), 'source_invalid'],
      [
        'a file that is not there',
        () => (_request, response) => void response.writeHead(404).end(),
        'source_unavailable',
      ],
      ['a redirect with credentials', () => redirect, 'source_unsafe'],
    ];

    it.each(cases)('%s fails its generation at once, and costs nothing', async (_name, content, code) => {
      const before = process.memoryUsage.rss();
      await fixture.startWorker({ roles: ['dispatch', 'generate'] });
      const id = await request(server.serve('/a.png', content()));
      const { error, status } = await fixture.ended(id);
      expect({ status, ...error }).toMatchObject({ status: 'failed', code, stage: 'generate', retryable: false });
      expect(error!.message).toMatch(/^The source image at 127\.0\.0\.1:\d+ /);
      expect(await fixture.types(id)).toEqual(['GenerationRequested', 'AttemptStarted', 'Failed']);
      expect(counters()).toMatchObject({ creates_received: 0, uploads_received: 0 });
      expect(process.memoryUsage.rss() - before).toBeLessThan(150_000_000);
    });

    it('a JPEG that ends early fails too', async () => {
      const jpeg = await smallPicture('#123456', 'jpeg');
      await fixture.startWorker({ roles: ['dispatch', 'generate'] });
      const id = await request(server.serve('/a.jpg', jpeg.subarray(0, jpeg.length - 40)));
      expect((await fixture.ended(id)).error).toMatchObject({ code: 'source_invalid' });
    });
  });

  it('is not fetched from this machine unless that is allowed', async () => {
    await fixture.startWorker({ roles: ['dispatch', 'generate'], allowPrivateUrls: false });
    const http = server.serve('/a.png', small);
    for (const source of [http, http.replace('http:', 'https:'), 'https://localhost:1/a.png']) {
      const { error } = await fixture.ended(await request(source));
      expect(error).toMatchObject({ code: 'source_unsafe' });
    }
    expect(server.requests.size).toBe(0);
    expect(counters().creates_received).toBe(0);
  });

  describe('that the provider does not take', () => {
    const faults: readonly (readonly [FaultInput, FailureCode | null, number])[] = [
      [{ kind: 'upload_error', status: 503, times: 2 }, null, 1],
      [{ kind: 'upload_reset' }, null, 1],
      [{ kind: 'upload_slow', ms: 300 }, null, 1],
      [{ kind: 'upload_error', status: 401 }, 'provider_unauthorized', 0],
      [{ kind: 'upload_error', status: 413 }, 'provider_rejected', 0],
      [{ kind: 'upload_error', status: 503, times: 'always' }, 'provider_unavailable', 0],
    ];

    it.each(faults)('%j', async (fault, code, creates) => {
      fixture.simulator.control.fault(fault);
      await fixture.startWorker();
      // Bytes that no other test has sent there.
      const id = await request(server.serve('/a.png', await largePicture()), { maxAttempts: 1 });
      const { status, error } = await fixture.ended(id);
      expect([status, error?.code ?? null]).toEqual([code === null ? 'completed' : 'failed', code]);
      expect(counters().creates_received).toBe(creates);
    });

    it('for being asked too much waits, and is nobody’s attempt', async () => {
      fixture.simulator.control.fault({ kind: 'upload_error', status: 429 });
      await fixture.startWorker();
      const id = await request(server.serve('/a.png', await largePicture()), { maxAttempts: 1 });
      expect((await fixture.ended(id)).status).toBe('completed');
      expect(await failures(id)).toEqual([['provider_throttled', false]]);
    });
  });

  describe('in our storage', () => {
    const own = 'http://localhost:3000/v1/uploads/x/content';

    it('that is no longer there fails its generation', async () => {
      await fixture.startWorker();
      const id = await request(own, { stored: { [own]: 'storage:uploads/nobody/nothing.png' } });
      expect((await fixture.ended(id)).error).toMatchObject({
        code: 'source_unavailable',
        message: 'The stored source image is no longer stored',
      });
    });

    it('is waited for when the storage is away, and that is nobody’s attempt', async () => {
      // A folder that cannot be one.
      await fixture.startWorker({ storageUrl: `file:${process.execPath}` });
      const id = await request(own, { stored: { [own]: 'storage:uploads/a.png' } });
      await eventually(async () => (await failures(id)).length > 0);
      expect(await failures(id)).toEqual([['storage_unavailable', false]]);
      expect((await fixture.state(id)).status).toBe('queued');
    });
  });
});
