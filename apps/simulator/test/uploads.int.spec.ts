import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicateProvider } from '@darkroom/provider';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSimulator, type RunningSimulator } from '../src/start.js';

const content = randomBytes(300_000);
const file = { name: 'a.png', content, contentType: 'image/png' };

describe('uploaded files', () => {
  let simulator: RunningSimulator;
  let provider: ReplicateProvider;
  beforeEach(async () => {
    simulator = await startSimulator();
    provider = new ReplicateProvider({ baseUrl: `${simulator.url}/v1`, token: 'any' });
  });
  afterEach(() => simulator.close());

  const get = (url: string, token: string | null = 'any') =>
    fetch(url, { headers: token === null ? {} : { authorization: `Bearer ${token}` } });

  it('are kept for a day, and known by their address', async () => {
    const { url, expiresAt } = await provider.upload(file);
    const view = (await (await get(url)).json()) as Record<string, unknown>;
    expect(view).toMatchObject({
      name: 'a.png',
      content_type: 'image/png',
      size: content.length,
      checksums: { sha256: createHash('sha256').update(content).digest('hex') },
      expires_at: expiresAt,
      urls: { get: url },
    });
    expect(Date.parse(expiresAt) - Date.parse(String(view['created_at']))).toBe(86_400_000);
    const download = await get(`${url}/download`, null);
    expect(download.headers.get('content-type')).toBe('image/png');
    expect(Buffer.from(await download.arrayBuffer()).equals(content)).toBe(true);
    expect(simulator.control.uploaded(url)?.content.equals(content)).toBe(true);
    expect(simulator.control.counters()).toMatchObject({ uploads_received: 1, files_uploaded: 1 });
  });

  it('are other files each time, and nobody’s without a token', async () => {
    const [first, second] = [await provider.upload(file), await provider.upload(file)];
    expect(first.url).not.toBe(second.url);
    expect((await get(first.url, null)).status).toBe(401);
    expect((await get(`${simulator.url}/v1/files/nothing`)).status).toBe(404);
    simulator.control.reset();
    expect((await get(first.url)).status).toBe(404);
    expect(simulator.control.uploaded(first.url)).toBeUndefined();
  });

  it('need a form with content', async () => {
    const post = (body: string | FormData, headers = {}) =>
      fetch(`${simulator.url}/v1/files`, { method: 'POST', body, headers: { authorization: 'Bearer x', ...headers } });
    const form = new FormData();
    form.append('metadata', '{}');
    expect((await post(form)).status).toBe(422);
    expect((await post('{}', { 'content-type': 'application/json' })).status).toBe(415);
    expect(simulator.control.counters()).toMatchObject({ uploads_received: 2, files_uploaded: 0 });
  });

  it.each([
    [{ kind: 'upload_error', status: 503 } as const, 2],
    [{ kind: 'upload_reset' } as const, 2],
    [{ kind: 'upload_slow', ms: 100 } as const, 1],
  ])('are sent again where that helps: %j', async (fault, received) => {
    simulator.control.fault(fault);
    await provider.upload(file);
    expect(simulator.control.counters()).toMatchObject({ uploads_received: received, files_uploaded: 1 });
  });

  it.each([
    [401, 'unauthorized'],
    [413, 'rejected'],
    [429, 'throttled'],
  ])('are refused once with %i', async (status, kind) => {
    simulator.control.fault({ kind: 'upload_error', status });
    await expect(provider.upload(file)).rejects.toMatchObject({ name: 'ProviderError', kind });
    expect(simulator.control.counters()).toMatchObject({ uploads_received: 1, files_uploaded: 0 });
  });

  it('outlive a simulator that has a folder', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'darkroom-simulator-'));
    const first = await startSimulator({ dataDir });
    const port = Number(new URL(first.url).port);
    const { url } = await new ReplicateProvider({ baseUrl: `${first.url}/v1`, token: 'any' }).upload(file);
    await first.close();
    const second = await startSimulator({ dataDir, port });
    expect(second.control.uploaded(url)?.content.equals(content)).toBe(true);
    await second.close();
    await rm(dataDir, { recursive: true });
  });
});
