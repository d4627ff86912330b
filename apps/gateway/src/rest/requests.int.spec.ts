import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NO_POSTGRES, startGateway, type RequestOptions, type TestGateway } from '../../test/gateway-fixture.js';
import { completeGeneration, failGeneration, lastPosition } from '../../test/play-worker.js';
import * as answers from './answers.schema.js';

const prompt = 'a lighthouse';
const NOBODYS_ID = '01890a5d-ac96-774b-bcce-b302099a8050';

const inHours = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString();

describe('requests', () => {
  let nats: TestNats;
  let gateway: TestGateway;

  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    await gateway.ready();
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  async function requested(user = 'alice'): Promise<string> {
    const { json } = await gateway.send('/v1/generations', { user, json: { prompt } });
    return String(json.id);
  }

  describe('that are accepted', () => {
    it('are in the log before they are answered', async () => {
      const body = { prompt, seed: 0, priority: 5, metadata: { project: 'x' }, style: 'ignored by this model' };
      const accepted = await gateway.send('/v1/generations', { json: body });

      expect(accepted.status).toBe(202);
      expect(accepted.headers.get('location')).toBe(`/v1/generations/${accepted.json.id}`);
      expect(answers.generation.parse(accepted.json)).toMatchObject({
        status: 'queued',
        lane: 'high',
        max_attempts: 3,
        seed: 0,
        metadata: { project: 'x' },
        warnings: [{ field: 'style' }],
        cost: { estimated_usd: 0.003, actual_usd: null },
        position: await lastPosition(gateway),
      });
      expect((await gateway.send(accepted.headers.get('location')!)).json).toEqual(accepted.json);
    });

    it('carry the trace of their caller into the log, and answer the request id', async () => {
      const trace = '0af7651916cd43dd8448eb211c80319c';
      const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01`, 'x-request-id': 'my-request-1' };
      const accepted = await gateway.send('/v1/generations', { json: { prompt }, headers });
      expect(accepted.headers.get('x-request-id')).toBe('my-request-1');

      const messages = gateway.log.store.load(accepted.json.id);
      expect((await messages).events[0]?.traceparent).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
    });

    it('may be scheduled; a time that has passed means at once', async () => {
      const scheduled_at = new Date(Date.now() + 3_600_000).toISOString();
      const later = await gateway.send('/v1/generations', { json: { prompt, scheduled_at } });
      expect(later.json).toMatchObject({ status: 'scheduled', progress: 0, scheduled_at });
      const past = await gateway.send('/v1/generations', { json: { prompt, scheduled_at: '2020-01-01T00:00:00Z' } });
      expect(past.json).toMatchObject({ status: 'queued' });
    });

    it('may have a deadline, which is kept', async () => {
      const deadline = inHours(1);
      const accepted = await gateway.send('/v1/generations', { json: { prompt, deadline } });
      expect(accepted.json).toMatchObject({ status: 'queued', deadline });
      const { events } = await gateway.log.store.load(accepted.json.id);
      expect(events[0]?.data).toMatchObject({ deadline });
    });

    it('can be tried: everything is checked, nothing is stored', async () => {
      const before = await lastPosition(gateway);
      const quote = await gateway.send('/v1/generations?dry_run=true', { json: { prompt, num_outputs: 2 } });
      expect(quote.status).toBe(200);
      expect(answers.quote.parse(quote.json)).toMatchObject({
        model_id: 'black-forest-labs/flux-schnell',
        provider_input: { prompt, num_outputs: 2 },
        cost: { estimated_usd: 0.006 },
      });
      const wrong = await gateway.send('/v1/generations?dry_run=true', { json: { prompt, num_outputs: 9 } });
      expect(wrong.status).toBe(422);
      expect(await lastPosition(gateway)).toBe(before);
    });
  });

  describe('that are refused', () => {
    const json = { prompt };
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const cases: [string, RequestOptions & { path?: string }, number, string, string | null][] = [
      ['no credentials', { json, user: null }, 401, 'unauthenticated', null],
      ['malformed JSON', { body: '{"prompt":' }, 400, 'malformed_json', null],
      ['a key that reaches for a prototype', { body: '{"prompt":"x","__proto__":{}}' }, 400, 'malformed_json', null],
      ['another media type', { body: 'prompt=x', headers: form }, 415, 'unsupported_media_type', null],
      ['plain text', { body: 'x', headers: { 'content-type': 'text/plain' } }, 415, 'unsupported_media_type', null],
      ['a huge body', { json: { prompt, model_options: { x: 'x'.repeat(1 << 20) } } }, 413, 'payload_too_large', null],
      ['no body', { method: 'POST' }, 422, 'validation_failed', 'body'],
      ['an unknown field', { json: { prompt, promt: 'x' } }, 422, 'validation_failed', 'promt'],
      ['a wrong value', { json: { prompt, num_outputs: 5 } }, 422, 'validation_failed', 'num_outputs'],
      ['U+0000', { json: { prompt: 'a\u0000' } }, 422, 'validation_failed', 'prompt'],
      ['an empty prompt', { json: { prompt: ' ' } }, 422, 'validation_failed', 'prompt'],
      ['an unknown model', { json: { prompt, model_id: 'who/knows' } }, 422, 'unknown_model', 'model_id'],
      ['a model by a database id', { json: { prompt, model_id: NOBODYS_ID } }, 422, 'unknown_model', 'model_id'],
      [
        'what the model does not take',
        { json: { prompt, output_format: 'tiff' } },
        422,
        'validation_failed',
        'output_format',
      ],
      [
        'a schedule too far ahead',
        { json: { prompt, scheduled_at: '2999-01-01T00:00:00Z' } },
        422,
        'validation_failed',
        'scheduled_at',
      ],
      [
        'a deadline that has passed',
        { json: { prompt, deadline: '2020-01-01T00:00:00Z' } },
        422,
        'validation_failed',
        'deadline',
      ],
      [
        'a deadline before its schedule',
        { json: { prompt, scheduled_at: inHours(2), deadline: inHours(1) } },
        422,
        'validation_failed',
        'deadline',
      ],
      ['a private webhook', { json: { prompt, webhook_url: 'http://10.0.0.1/' } }, 422, 'unsafe_url', 'webhook_url'],
      [
        'a private source',
        { json: { prompt, model_id: 'black-forest-labs/flux-dev', source_image_url: 'http://169.254.169.254/' } },
        422,
        'unsafe_url',
        'source_image_url',
      ],
      ['an unknown query', { json, path: '?dryrun=true' }, 422, 'validation_failed', 'dryrun'],
      ['an empty key', { json, headers: { 'idempotency-key': '' } }, 422, 'validation_failed', 'Idempotency-Key'],
      [
        'a key too long',
        { json, headers: { 'idempotency-key': 'x'.repeat(256) } },
        422,
        'validation_failed',
        'Idempotency-Key',
      ],
    ];

    it.each(cases)('for %s tell it and store nothing', async (_, { path = '', ...options }, status, code, field) => {
      const before = await lastPosition(gateway);
      const refused = await gateway.send(`/v1/generations${path}`, options);

      expect(refused.headers.get('content-type')).toContain('application/problem+json');
      expect(answers.problem.parse(refused.json)).toMatchObject({ status, code });
      expect(refused.status).toBe(status);
      expect(refused.json.request_id).toBe(refused.headers.get('x-request-id'));
      if (field) expect(refused.json.errors).toEqual([{ field, message: expect.any(String) }]);
      expect(refused.bytes.toString()).not.toMatch(/node_modules|at \w+ \(|\.ts:\d/);
      expect(await lastPosition(gateway)).toBe(before);
    });

    it('for a route or path that does not exist are problems too', async () => {
      expect(answers.problem.parse((await gateway.send('/v1/nothing')).json).code).toBe('not_found');
      expect(answers.problem.parse((await gateway.send('/v1/%E0')).json).code).toBe('bad_request');
      expect(answers.problem.parse((await gateway.send('/v1/generations', { method: 'PUT' })).json).status).toBe(404);
    });
  });

  describe('about a generation', () => {
    it('show each step, and its history', async () => {
      const id = await requested();
      const imageId = await completeGeneration(gateway, id, Buffer.from('bytes'));
      const { json } = await gateway.send(`/v1/generations/${id}`);
      expect(answers.generation.parse(json)).toMatchObject({
        status: 'completed',
        progress: 100,
        version: 6,
        images: [{ id: imageId, url: expect.stringContaining(`/v1/images/${imageId}/content`), bytes: 5 }],
      });

      const history = answers.history.parse((await gateway.send(`/v1/generations/${id}/history`)).json);
      expect(history.data.map(({ version, type }) => `${version} ${type}`)).toEqual([
        '1 GenerationRequested',
        '2 AttemptStarted',
        '3 PredictionCreated',
        '4 Generated',
        '5 AttemptStarted',
        '6 Downloaded',
      ]);
    });

    it('cancel it once and for all', async () => {
      const id = await requested();
      const cancel = () =>
        gateway.send(`/v1/generations/${id}/cancel`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
        });
      const cancelled = await cancel();
      expect(cancelled.status).toBe(200);
      expect(answers.generation.parse(cancelled.json).status).toBe('cancelled');
      expect((await cancel()).json).toEqual(cancelled.json);

      const retried = await gateway.send(`/v1/generations/${id}/retry`, { method: 'POST' });
      expect(retried.status).toBe(409);
      expect(retried.json).toMatchObject({ code: 'invalid_state', detail: expect.stringContaining('cancelled') });
    });

    it('do not cancel what is completed', async () => {
      const id = await requested();
      await completeGeneration(gateway, id, Buffer.from('bytes'));
      const before = await lastPosition(gateway);
      const refused = await gateway.send(`/v1/generations/${id}/cancel`, { method: 'POST' });
      expect(refused.json).toMatchObject({ status: 409, code: 'invalid_state' });
      expect(await lastPosition(gateway)).toBe(before);
    });

    it('begin a failed one anew', async () => {
      const id = await requested();
      await failGeneration(gateway, id);
      expect((await gateway.send(`/v1/generations/${id}`)).json).toMatchObject({
        status: 'failed',
        error: { code: 'content_refused', stage: 'generate', retryable: false },
      });
      const retried = await gateway.send(`/v1/generations/${id}/retry`, { method: 'POST' });
      expect(retried.status).toBe(200);
      expect(answers.generation.parse(retried.json)).toMatchObject({ status: 'queued', attempt: 0, error: null });
    });

    it.each([
      ['GET', ''],
      ['GET', '/history'],
      ['POST', '/cancel'],
      ['POST', '/retry'],
    ])('%s %s of another user, or of none, is 404; operators see it', async (method, path) => {
      const id = await requested('alice');
      const before = await lastPosition(gateway);
      const foreign = await gateway.send(`/v1/generations/${id}${path}`, { method, user: 'bob' });
      const missing = await gateway.send(`/v1/generations/${NOBODYS_ID}${path}`, { method, user: 'bob' });
      const malformed = await gateway.send(`/v1/generations/x.*.>${path}`, { method, user: 'bob' });
      for (const { status, json } of [foreign, missing, malformed]) {
        expect({ ...json, request_id: '' }).toEqual({ ...missing.json, request_id: '' });
        expect(status).toBe(404);
      }
      expect(await lastPosition(gateway)).toBe(before);

      const operator = await gateway.send(`/v1/generations/${id}${path}`, { method, claims: { role: 'admin' } });
      expect([200, 409]).toContain(operator.status);
    });
  });

  it('for models show the catalogue', async () => {
    const { data } = answers.models.parse((await gateway.send('/v1/models')).json);
    expect(data.map(({ id }) => id)).toContain('black-forest-labs/flux-schnell');
    const one = await gateway.send('/v1/models/black-forest-labs/flux-schnell');
    expect(answers.model.parse(one.json)).toEqual(data.find(({ id }) => id === 'black-forest-labs/flux-schnell'));
    expect((await gateway.send('/v1/models/who/knows')).json).toMatchObject({ status: 404, code: 'not_found' });
  });
});
