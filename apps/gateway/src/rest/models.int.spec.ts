import { DEFAULT_MODEL_ID, MODELS, needsPrompt, type ModelView } from '@darkroom/domain';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NO_POSTGRES, startGateway, type Answer, type TestGateway } from '../../test/gateway-fixture.js';
import { lastPosition } from '../../test/play-worker.js';
import * as answers from './answers.schema.js';

const SOURCE = 'https://example.com/source.png';

/** What a form would send that leaves everything as it finds it. */
function untouched({ id, parameters, defaults }: ModelView): object {
  const { required } = parameters;
  return {
    ...defaults,
    model_id: id,
    ...(required.includes('prompt') && { prompt: 'a lighthouse' }),
    ...(required.includes('source_image_url') && { source_image_url: SOURCE }),
  };
}

describe('the models', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let views: ModelView[];

  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    await gateway.ready();
    views = (await gateway.send('/v1/models')).json.data as ModelView[];
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  const list = async (query: string) => (await gateway.send(`/v1/models?${query}`)).json.data as ModelView[];
  const quote = (json: object) => gateway.send('/v1/generations?dry_run=true', { json });

  it('are shown, all of them, in the order of the catalogue; those that are not offered too', () => {
    answers.models.parse({ data: views });
    expect(views.map(({ id }) => id)).toEqual(MODELS.map(({ id }) => id));
    expect(views.filter(({ active }) => !active).map(({ id }) => id)).toEqual(
      MODELS.filter(({ availability }) => availability.state !== 'offered').map(({ id }) => id),
    );
    for (const { active, note, successor } of views) {
      if (!active) expect([note, views.find(({ id }) => id === successor)?.active]).toEqual([expect.any(String), true]);
    }
  });

  it.each(MODELS.map(({ id }) => id))('%s is described so that a form can be made of it', async (id) => {
    const { json } = await gateway.send(`/v1/models/${id}`);
    const view = json as ModelView;
    expect(view).toEqual(views.find((each) => each.id === id));

    const ajv = new Ajv({ allErrors: true });
    formats.default(ajv);
    const validate = ajv.compile(view.parameters);
    const { model_id: _, ...fields } = untouched(view) as { model_id: string };
    expect([validate(fields), validate.errors]).toEqual([true, null]);
    for (const field of Object.keys(view.defaults)) expect(view.parameters.properties).toHaveProperty([field]);

    const answer = await quote(untouched(view));
    if (view.active) {
      expect(answers.quote.parse(answer.json)).toMatchObject({ model_id: id, version: view.version });
    } else {
      expect(answer.json).toMatchObject({
        status: 422,
        code: 'unknown_model',
        errors: [{ field: 'model_id', message: expect.stringMatching(new RegExp(`${view.successor}$`)) }],
      });
    }
  });

  it.each(MODELS.filter(needsPrompt).map(({ id }) => id))('%s asks for a prompt', (id) => {
    expect(views.find((view) => view.id === id)?.parameters.required).toContain('prompt');
  });

  it('are filtered by kind, and by whether they can be asked for', async () => {
    expect(await list('kind=upscale')).toEqual(views.filter(({ kind }) => kind === 'upscale'));
    expect(await list('active=true')).toEqual(views.filter(({ active }) => active));
    expect(await list('active=false&kind=text-to-image')).toEqual(
      views.filter(({ active, kind }) => !active && kind === 'text-to-image'),
    );
    for (const [query, field] of [
      ['kind=video', 'kind'],
      ['active=yes', 'active'],
      ['owner=x', 'owner'],
    ]) {
      const { json } = await gateway.send(`/v1/models?${query}`);
      expect(answers.problem.parse(json)).toMatchObject({ code: 'validation_failed', errors: [{ field }] });
    }
  });

  it('are sent to a client only if it does not have them', async () => {
    for (const path of ['/v1/models', '/v1/models?active=true', `/v1/models/${DEFAULT_MODEL_ID}`]) {
      const first = await gateway.send(path);
      expect(first.headers.get('cache-control')).toBe('private, no-cache');
      const etag = first.headers.get('etag')!;
      const again = (tag: string): Promise<Answer> => gateway.send(path, { headers: { 'if-none-match': tag } });
      expect(await again(etag)).toMatchObject({ status: 304, bytes: Buffer.alloc(0) });
      expect((await again(etag)).headers.get('etag')).toBe(etag);
      expect((await again('"another"')).json).toEqual(first.json);
    }
    const headers = { 'if-none-match': '*' };
    expect((await gateway.send('/v1/models/who/knows', { headers })).status).toBe(404);
    expect((await gateway.send('/v1/models', { headers, user: null })).status).toBe(401);
  });

  describe('a prompt', () => {
    const without = (kind: string, more: object = {}) => {
      const { id } = MODELS.find((model) => model.kind === kind && model.availability.state === 'offered')!;
      return { model_id: id, ...more };
    };

    it.each(['upscale', 'background-removal'])('may be missing for %s', async (kind) => {
      for (const prompt of [undefined, null]) {
        const json = without(kind, { source_image_url: SOURCE, prompt });
        expect((await quote(json)).json.provider_input).not.toHaveProperty('prompt');
        const accepted = await gateway.send('/v1/generations', { json });
        expect(accepted.status).toBe(202);
        expect(accepted.json).toMatchObject({ status: 'queued', prompt: '' });
      }
    });

    it.each(['text-to-image', 'svg'])('may not for %s', async (kind) => {
      const before = await lastPosition(gateway);
      for (const prompt of [undefined, null, '', ' ']) {
        const { json } = await gateway.send('/v1/generations', { json: without(kind, { prompt }) });
        expect(answers.problem.parse(json)).toMatchObject({ code: 'validation_failed', errors: [{ field: 'prompt' }] });
      }
      expect(await lastPosition(gateway)).toBe(before);
    });
  });

  it('tell their price before and after they are asked, and null where it is not known', async () => {
    const [priced, unpriced] = [true, false].map((known) =>
      views.find(({ active, price }) => active && (price !== null) === known),
    );
    for (const [view, expected] of [
      [priced!, expect.any(Number)],
      [unpriced!, null],
    ] as const) {
      const json = untouched(view);
      expect((await quote(json)).json.cost).toEqual({ estimated_usd: expected });
      expect((await gateway.send('/v1/generations', { json })).json.cost).toEqual({
        estimated_usd: expected,
        actual_usd: null,
      });
    }
  });

  it('are named by the catalogue alone', () => {
    const ids = MODELS.map(({ id }) => id);
    const root = join(import.meta.dirname, '../../../..');
    const files = globSync(
      '{apps/{cli,gateway,worker},libs/{config,events,observability,provider,read-models,storage}}/src/**/*.ts',
      {
        cwd: root,
      },
    ).filter((file) => !/\.(spec|contract)\.ts$/.test(file));
    expect(files.length).toBeGreaterThan(200);
    const naming = files.filter((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return ids.some((id) => text.includes(id));
    });
    expect(naming).toEqual([]);
  });
});
