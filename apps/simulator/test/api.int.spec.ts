import { existsSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { schemas } from '@darkroom/provider';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { type RunningSimulator, startSimulator } from '../src/start.js';
import { eventually } from './eventually.js';

const ajv = new Ajv({ allowUnionTypes: true });
formats.default(ajv, ['date-time', 'uri']);
const isPrediction = ajv.compile(schemas.prediction);
const isPage = ajv.compile(schemas.predictionPage);
const isProblem = ajv.compile(schemas.problem);

/** Replicate's description of its API, where it is kept beside the project; without it the project's own schemas judge. */
const description = new URL('../../../../shared/replicate/openapi.json', import.meta.url);
const isPublishedPrediction = existsSync(description) ? compilePublished() : isPrediction;

function compilePublished() {
  const { components } = JSON.parse(readFileSync(description, 'utf8')) as {
    components: { schemas: { schemas_prediction_response: { properties: object } } };
  };
  const published = components.schemas.schemas_prediction_response;
  // As published, `version` is exactly one of "a string" and "hidden": "hidden" itself, being both, would be wrong.
  const properties = { ...published.properties, version: { type: 'string' } };
  return new Ajv({ strict: false, formats: { 'date-time': true, uri: true } }).compile({ ...published, properties });
}

let simulator: RunningSimulator;
beforeAll(async () => {
  simulator = await startSimulator({ runMs: 20 });
});
afterAll(() => simulator.close());
afterEach(() => simulator.control.reset());

/** The union of what is looked at in an answer. */
interface Answer {
  readonly id: string;
  readonly status: string | number;
  readonly version: string;
  readonly created_at: string;
  readonly deadline: string;
  readonly detail: string;
  readonly retry_after: number;
  readonly logs: string;
  readonly results: readonly { readonly id: string; readonly logs: string }[];
}

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${simulator.url}${path}`, {
    method,
    headers: {
      authorization: 'Bearer any',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  expect(response.headers.get('x-darkroom-simulator')).toBe('true');
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: (text === '' ? {} : JSON.parse(text)) as Answer };
}

const SCHNELL = '/v1/models/black-forest-labs/flux-schnell/predictions';
const input = { prompt: 'a mill', megapixels: '0.25' };

describe('the simulated API', () => {
  it('answers predictions and pages as the schemas say, at every step of a run', async () => {
    const created = await call('POST', SCHNELL, { input });
    expect(created.status).toBe(201);
    const seen = [created.body];
    await eventually(
      async () => {
        seen.push((await call('GET', `/v1/predictions/${created.body.id}`)).body);
        return seen.at(-1);
      },
      (body) => body?.status === 'succeeded',
    );
    for (const body of seen) {
      expect([isPrediction(body), isPublishedPrediction(body), body]).toEqual([true, true, body]);
    }
    const page = await call('GET', '/v1/predictions');
    expect([isPage(page.body), page.body.results[0]]).toEqual([true, seen.at(-1)]);
  });

  it.each([
    ['black-forest-labs/flux-dev', 'hidden'],
    [
      'stability-ai/sdxl:7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc',
      '7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc',
    ],
  ])('takes %s as a version', async (version, answered) => {
    const { status, body } = await call('POST', '/v1/predictions', { version, input: { prompt: 'x' } });
    expect([status, body.version]).toEqual([201, answered]);
  });

  it('filters the list by creation time', async () => {
    const { body } = await call('POST', SCHNELL, { input });
    const count = async (query: string) => (await call('GET', `/v1/predictions?${query}`)).body.results.length;
    expect(await count(`created_after=${body.created_at}`)).toBe(1);
    expect(await count(`created_before=${body.created_at}`)).toBe(0);
    expect((await call('GET', '/v1/predictions?created_after=yesterday')).status).toBe(400);
  });

  it.each<[number, string, string, unknown, object]>([
    [404, 'GET', '/v1/predictions/unknown', undefined, {}],
    [404, 'GET', '/v1/nowhere', undefined, {}],
    [404, 'POST', '/v1/models/stability-ai/sdxl/predictions', { input }, {}],
    [
      422,
      'POST',
      '/v1/predictions',
      { version: 'nobody/nothing', input },
      { title: 'Invalid version or not permitted' },
    ],
    [
      422,
      'POST',
      SCHNELL,
      { input: {} },
      { detail: '- input: prompt is required\n', title: 'Input validation failed' },
    ],
    [
      422,
      'POST',
      SCHNELL,
      { input: { ...input, aspect_ratio: '7:1' } },
      { invalid_fields: [{ field: 'input.aspect_ratio', type: 'enum' }] },
    ],
    [422, 'POST', SCHNELL, { input, surprise: 1 }, {}],
    [422, 'POST', SCHNELL, {}, {}],
    [400, 'POST', SCHNELL, '{"input":', {}],
  ])('answers %i to %s %s %j', async (status, method, path, body, expected) => {
    const answer = await call(method, path, body);
    expect(answer).toMatchObject({ status, body: { status, detail: expect.any(String), ...expected } });
    expect(isProblem(answer.body)).toBe(true);
    expect(simulator.control.counters().predictions_created).toBe(0);
  });

  it('shows a prediction in the list as late as scripted, at its place, and elsewhere at once', async () => {
    await call('POST', '/control/faults', { kind: 'listed_late', ms: 300, match: { prompt: 'late' } });
    const { body: late } = await call('POST', SCHNELL, { input: { prompt: 'late' } });
    const { body: next } = await call('POST', SCHNELL, { input });
    const listed = async () => (await call('GET', '/v1/predictions')).body.results.map(({ id }) => id);
    expect(await listed()).toEqual([next.id]);
    expect((await call('GET', `/v1/predictions/${late.id}`)).status).toBe(200);
    await eventually(listed, (ids) => ids.length === 2);
    expect(Date.now() - Date.parse(late.created_at)).toBeGreaterThanOrEqual(300);
    expect(await listed()).toEqual([next.id, late.id]);
  });

  it('logs the progress of a run, in the list too', async () => {
    simulator.control.fault({ kind: 'run_time', ms: 1_000 });
    const { body } = await call('POST', SCHNELL, { input: { ...input, seed: 7 } });
    const logs = new Set<string>();
    await eventually(
      async () => {
        const [listed] = (await call('GET', '/v1/predictions')).body.results;
        logs.add(listed?.logs ?? '');
        return (await call('GET', `/v1/predictions/${body.id}`)).body;
      },
      ({ status, logs: now }) => logs.add(now) && status === 'succeeded',
    );
    const seen = [...logs];
    expect(seen.every((text, index) => text.startsWith(seen[index - 1] ?? ''))).toBe(true);
    expect(seen.map((text) => text.trimEnd().split('\n').at(-1)?.split('|')[0])).toEqual([
      '',
      '  0%',
      ' 25%',
      ' 50%',
      ' 75%',
      '100%',
    ]);
    expect(seen[1]).toBe('Using seed: 7\n  0%|          | 0/4 [00:00<?, ?it/s]\n');
  });

  it('wants a token, and a deadline of at least five seconds', async () => {
    expect((await call('POST', SCHNELL, { input }, { authorization: '' })).status).toBe(401);
    expect((await call('POST', SCHNELL, { input }, { 'cancel-after': '4' })).status).toBe(422);
    const { body } = await call('POST', SCHNELL, { input }, { 'cancel-after': '1h1m5s' });
    expect(Date.parse(body.deadline) - Date.parse(body.created_at)).toBe(3_665_000);
  });

  it('throttles creates above its limit', async () => {
    simulator.control.configure({ createsPerMinute: 2 });
    const statuses = [];
    for (let n = 0; n < 3; n += 1) statuses.push((await call('POST', SCHNELL, { input })).status);
    expect(statuses).toEqual([201, 201, 429]);
    const { headers, body } = await call('POST', SCHNELL, { input });
    expect(body.detail).toMatch(/resets in ~\d+s/);
    expect(Number(headers.get('retry-after'))).toBe(body.retry_after);
  });
});

describe('its control endpoints', () => {
  it('script faults, by model and prompt, and count what clients did', async () => {
    const match = { model: 'black-forest-labs/flux-schnell', prompt: 'mill' };
    const faults = [{ kind: 'error_before_create', status: 503, match, times: 2 }];
    expect((await call('POST', '/control/faults', faults)).status).toBe(204);
    const statuses = [];
    for (const prompt of ['a tower', 'a mill', 'two mills', 'a mill']) {
      statuses.push((await call('POST', SCHNELL, { input: { prompt } })).status);
    }
    expect(statuses).toEqual([201, 503, 503, 201]);
    expect((await call('GET', '/control/counters')).body).toEqual({
      creates_received: 4,
      predictions_created: 2,
      by_model: { 'black-forest-labs/flux-schnell': 2 },
      by_input: {
        'black-forest-labs/flux-schnell {"prompt":"a tower"}': 1,
        'black-forest-labs/flux-schnell {"prompt":"a mill"}': 1,
      },
      gets: 0,
      lists: 0,
      cancels: 0,
      files_served: 0,
      files_uploaded: 0,
      uploads_received: 0,
    });
    expect((await call('GET', '/control/predictions')).body).toHaveLength(2);
  });

  it('tell of every prediction, with its input for ever, and its webhook', async () => {
    const webhook = 'http://127.0.0.1:9/hooks';
    await call('POST', SCHNELL, { input, webhook });
    await call('POST', SCHNELL, { input });
    await call('POST', '/control/config', { file_ttl_ms: 0 });
    await eventually(
      async () => (await call('GET', '/control/predictions')).body as unknown as { status: string }[],
      (all) => all.every(({ status }) => status === 'succeeded'),
    );
    const common = {
      id: expect.any(String),
      created_at: expect.any(String),
      completed_at: expect.any(String),
      model: 'black-forest-labs/flux-schnell',
      input,
    };
    expect((await call('GET', '/control/predictions')).body).toMatchObject([
      { ...common, webhook },
      { ...common, webhook: null },
    ]);
  });

  it('take faults back, change settings, and begin anew', async () => {
    await call('POST', '/control/faults', { kind: 'out_of_credit', times: 'always' });
    expect((await call('POST', SCHNELL, { input })).status).toBe(402);
    await call('DELETE', '/control/faults');
    expect((await call('POST', SCHNELL, { input })).status).toBe(201);
    expect((await call('POST', '/control/config', { run_ms: 5 })).body).toMatchObject({ runMs: 5 });
    expect((await call('POST', '/control/reset')).status).toBe(204);
    expect((await call('GET', '/control/predictions')).body).toEqual([]);
    expect((await call('POST', '/control/config', {})).body).toMatchObject({ runMs: 20 });
  });

  it('refuse what they do not know', async () => {
    expect((await call('POST', '/control/faults', { kind: 'earthquake' })).status).toBe(422);
    expect((await call('POST', '/control/config', { run_ms: -1 })).status).toBe(422);
  });
});
