import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../../test/support/eventually.js';
import type { FaultInput } from '../../simulator/src/start.js';
import { WorkerFixture } from './worker-fixture.js';

const HOUR_MS = 3_600_000;

describe('the download stage', () => {
  let fixture: WorkerFixture;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
  });
  afterAll(() => fixture.stop());
  beforeEach(() => {
    fixture.simulator.control.reset();
    fixture.simulator.control.configure({ runMs: 50, fileTtlMs: HOUR_MS });
  });
  afterEach(() => fixture.closeWorkers());

  const counters = () => fixture.simulator.control.counters();

  it.each([
    [{ kind: 'file_truncated' }, 'download_failed'],
    [{ kind: 'file_error', status: 503 }, 'download_failed'],
    [{ kind: 'file_error', status: 404 }, 'download_failed'],
    [{ kind: 'file_html' }, 'image_invalid'],
  ] as const satisfies readonly (readonly [FaultInput, string])[])(
    'after %j it downloads again and does not buy again',
    async (fault, code) => {
      fixture.simulator.control.fault(fault);
      await fixture.startWorker();
      const id = await fixture.request();
      expect((await fixture.ended(id)).status).toBe('completed');
      const failures = (await fixture.events(id)).filter((event) => event.type === 'AttemptFailed');
      expect(failures.map(({ data }) => [data.stage, data.error.code, data.retry_stage])).toEqual([
        ['download', code, 'download'],
      ]);
      expect(counters().predictions_created).toBe(1);
    },
  );

  it('believes the bytes, not the content type', async () => {
    fixture.simulator.control.fault({ kind: 'file_wrong_type', content_type: 'text/plain' });
    await fixture.startWorker();
    const id = await fixture.request({ output_format: 'webp' });
    const { images, status } = await fixture.ended(id);
    expect(status).toBe('completed');
    expect(images[0]).toMatchObject({ format: 'webp', content_type: 'image/webp' });
  });

  it('fails after its last attempt, and a retry downloads without buying again', async () => {
    fixture.simulator.control.fault({ kind: 'file_error', status: 500, times: 2 });
    await fixture.startWorker();
    const id = await fixture.request({}, { maxAttempts: 2 });
    expect(await fixture.ended(id)).toMatchObject({
      status: 'failed',
      error: { code: 'download_failed', stage: 'download' },
    });
    const retry = { type: 'Retry', commandId: 'retry-1', at: new Date().toISOString(), by: 'user-1' } as const;
    await fixture.runner.execute(id, retry);
    expect((await fixture.until(id, ({ status }) => status === 'completed')).images).toHaveLength(1);
    expect(counters().predictions_created).toBe(1);
  });

  it('makes the image again when the provider has removed it, and the history says so', async () => {
    fixture.simulator.control.configure({ fileTtlMs: 300 });
    await fixture.startWorker({ roles: ['dispatch', 'generate'] });
    const id = await fixture.request();
    await fixture.until(id, ({ generated }) => generated !== null);
    await eventually(() => fixture.simulator.control.predictions().every((prediction) => prediction.data_removed));
    fixture.simulator.control.configure({ runMs: 1_000 });
    await fixture.startWorker({ roles: ['download'] });
    await fixture.until(id, ({ error }) => error !== null);
    fixture.simulator.control.configure({ fileTtlMs: HOUR_MS });
    expect((await fixture.ended(id)).status).toBe('completed');
    const failed = (await fixture.events(id)).find((event) => event.type === 'AttemptFailed');
    expect(failed?.data).toMatchObject({
      stage: 'download',
      error: { code: 'output_expired' },
      retry_stage: 'generate',
    });
    expect(counters().predictions_created).toBe(2);
  });

  it('waits for a storage that cannot be written, without spending attempts', async () => {
    const file = join(fixture.dir, 'a-file');
    await writeFile(file, 'not a folder');
    await fixture.startWorker({ storageUrl: `file:${join(file, 'images')}` });
    const id = await fixture.request({}, { maxAttempts: 1 });
    const state = await fixture.until(id, ({ error }) => error !== null);
    expect(state).toMatchObject({
      status: 'downloading',
      spent: { download: 0 },
      error: { code: 'storage_unavailable', stage: 'download' },
    });
    expect(Date.parse(state.retryAt!)).toBeGreaterThan(Date.now());
  });
});
