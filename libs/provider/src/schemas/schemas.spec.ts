import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import {
  isModelPredictionRequest,
  isPrediction,
  isPredictionPage,
  isProblem,
  isVersionPredictionRequest,
  schemas,
} from './index.js';

/** As in the published description of the API. */
const published = {
  completed_at: '2023-09-08T16:19:34.791859Z',
  created_at: '2023-09-08T16:19:34.907244Z',
  data_removed: false,
  error: null,
  id: 'gm3qorzdhgbfurvjtvhg6dckhu',
  input: { text: 'Alice' },
  metrics: { predict_time: 0.012683 },
  output: 'hello Alice',
  started_at: '2023-09-08T16:19:34.779176Z',
  source: 'api',
  status: 'succeeded',
  urls: {
    web: 'https://replicate.com/p/gm3qorzdhgbfurvjtvhg6dckhu',
    get: 'https://api.replicate.com/v1/predictions/gm3qorzdhgbfurvjtvhg6dckhu',
    cancel: 'https://api.replicate.com/v1/predictions/gm3qorzdhgbfurvjtvhg6dckhu/cancel',
  },
  model: 'replicate/hello-world',
  version: '5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa',
};

describe('the schemas of what Replicate answers', () => {
  it('take a prediction at every stage, and what is new to us', () => {
    const { completed_at, started_at, metrics, ...created } = published;
    expect([completed_at, started_at, metrics]).not.toContain(undefined);
    for (const body of [
      published,
      { ...created, status: 'starting', output: null },
      { ...created, completed_at: null, started_at: null, logs: null, metrics: null, output: null },
      { ...published, input: null, output: null, logs: null, data_removed: true },
      { ...published, status: 'a new status', metrics: { ...metrics, a_new_one: 'x' }, a_new_field: {} },
    ]) {
      expect([isPrediction(body), body]).toEqual([true, body]);
    }
    expect(isPredictionPage({ next: null, previous: null, results: [published] })).toBe(true);
    expect(isPredictionPage({ next: 'https://a.example/?cursor=1', results: [] })).toBe(true);
  });

  it.each([
    null,
    [],
    {},
    { ...published, id: '' },
    { ...published, id: undefined },
    { ...published, status: 7 },
    { ...published, created_at: 'yesterday' },
    { ...published, completed_at: 'never' },
  ])('refuse %j', (body) => {
    expect(isPrediction(body)).toBe(false);
    expect(isPredictionPage({ results: [body] })).toBe(false);
  });

  it('take the known problems', () => {
    for (const body of [
      { detail: 'Request was throttled.', status: 429, retry_after: 5 },
      { title: 'Insufficient credit', detail: 'x', status: 402 },
      { title: 'Input validation failed', detail: 'x', status: 422, invalid_fields: [{ field: 'input' }] },
      {},
    ]) {
      expect(isProblem(body)).toBe(true);
    }
  });
});

describe('the schemas of what we ask', () => {
  it('take what Replicate takes and refuse what it refuses', () => {
    const version = published.version;
    const webhook = { webhook: 'https://a.example/hook?generation=1', webhook_events_filter: ['start', 'completed'] };
    expect(isModelPredictionRequest({ input: { prompt: 'x' }, ...webhook })).toBe(true);
    expect(isVersionPredictionRequest({ version, input: {}, ...webhook })).toBe(true);
    for (const body of [{ input: 'x' }, { version, input: {} }, { input: {}, webhook_events_filter: ['end'] }]) {
      expect(isModelPredictionRequest(body)).toBe(false);
    }
    expect(isVersionPredictionRequest({ input: {} })).toBe(false);
    expect(isVersionPredictionRequest({ version: 'latest', input: {} })).toBe(false);
  });
});

/** Replicate's description of its API, kept beside the project where its makers work; users of the project need it not. */
const description = new URL('../../../../../shared/replicate/openapi.json', import.meta.url);

interface ObjectSchema {
  readonly properties: Readonly<Record<string, { readonly items?: { readonly enum?: readonly string[] } }>>;
  readonly required: readonly string[];
}

(existsSync(description) ? describe : describe.skip)("compared with Replicate's own description", () => {
  const load = () =>
    (JSON.parse(readFileSync(description, 'utf8')) as { components: { schemas: Record<string, ObjectSchema> } })
      .components.schemas;
  const named = (name: string): ObjectSchema => {
    const schema = load()[name];
    if (!schema) throw new Error(`${name} is not in the description`);
    return schema;
  };

  it('we read only fields of a prediction that are there, and require only those that are always there', () => {
    const theirs = named('schemas_prediction_response');
    expect(Object.keys(theirs.properties)).toEqual(expect.arrayContaining(Object.keys(schemas.prediction.properties)));
    expect(theirs.required).toEqual(expect.arrayContaining([...schemas.prediction.required]));
    const page = named('schemas_paginated_prediction_response');
    expect(Object.keys(page.properties).sort()).toEqual(Object.keys(schemas.predictionPage.properties).sort());
  });

  it('the published example is a prediction by both', () => {
    const ajv = new Ajv({ strict: false });
    formats.default(ajv, ['date-time', 'uri']);
    const isTheirs = ajv.compile(named('schemas_prediction_response'));
    expect([isTheirs(published), isPrediction(published)]).toEqual([true, true]);
  });

  it.each([
    ['schemas_prediction_request', schemas.modelPredictionRequest],
    ['schemas_version_prediction_request', schemas.versionPredictionRequest],
  ] as const)('we send nothing that %s does not take, and all that it requires', (name, ours) => {
    const theirs = named(name);
    expect(Object.keys(theirs.properties)).toEqual(expect.arrayContaining(Object.keys(ours.properties)));
    expect([...ours.required].sort()).toEqual([...theirs.required].sort());
    expect(theirs.properties['webhook_events_filter']?.items?.enum).toEqual(
      ours.properties.webhook_events_filter.items.enum,
    );
  });
});
