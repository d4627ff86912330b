import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client, SendOptions } from './client.js';
import { System } from './system.js';

const prompt = 'a lighthouse';
const deep = `{"prompt":"x","model_options":{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`;

const post = (json: unknown): SendOptions => ({ json });
const GENERATIONS = '/v1/generations';

const cases: [what: string, path: string, options: SendOptions, status: number, code: string][] = [
  ['malformed JSON', GENERATIONS, { body: '{"prompt": ' }, 400, 'malformed_json'],
  ['no body', GENERATIONS, { method: 'POST' }, 422, 'validation_failed'],
  ['a list', GENERATIONS, post([{ prompt }]), 422, 'validation_failed'],
  ['an unknown field', GENERATIONS, post({ prompt, colour: 'red' }), 422, 'validation_failed'],
  ['wrong types', GENERATIONS, post({ prompt: 5, num_outputs: 'two', metadata: [] }), 422, 'validation_failed'],
  ['no prompt', GENERATIONS, post({ prompt: '' }), 422, 'validation_failed'],
  ['a prompt that is too long', GENERATIONS, post({ prompt: 'x'.repeat(10_001) }), 422, 'validation_failed'],
  ['text that PostgreSQL cannot hold', GENERATIONS, post({ prompt: 'a\u0000b' }), 422, 'validation_failed'],
  ['half of a size', GENERATIONS, post({ prompt, width: 512 }), 422, 'validation_failed'],
  ['a time that is none', GENERATIONS, post({ prompt, scheduled_at: 'tomorrow' }), 422, 'validation_failed'],
  [
    'a value that the model does not take',
    GENERATIONS,
    post({ prompt, output_format: 'bmp' }),
    422,
    'validation_failed',
  ],
  ['an unknown model', GENERATIONS, post({ prompt, model_id: 'nobody/nothing' }), 422, 'unknown_model'],
  ['an over-large body', GENERATIONS, post({ prompt: 'x'.repeat(2_000_000) }), 413, 'payload_too_large'],
  ['a body that is nested deeply', GENERATIONS, { body: deep }, 422, 'validation_failed'],
  ['a key that reaches for a prototype', GENERATIONS, { body: '{"prompt":"x","__proto__":{}}' }, 400, 'malformed_json'],
  [
    'another media type',
    GENERATIONS,
    { body: `prompt=${prompt}`, headers: { 'content-type': 'text/plain' } },
    415,
    'unsupported_media_type',
  ],
  [
    'an idempotency key that is too long',
    GENERATIONS,
    { json: { prompt }, headers: { 'idempotency-key': 'k'.repeat(256) } },
    422,
    'validation_failed',
  ],
  ['an unknown query', `${GENERATIONS}?dryrun=true`, post({ prompt }), 422, 'validation_failed'],
  ['a bad cursor', `${GENERATIONS}?cursor=nonsense`, {}, 422, 'validation_failed'],
  ['a bad limit', `${GENERATIONS}?limit=1000`, {}, 422, 'validation_failed'],
  ['an unknown filter', `${GENERATIONS}?stauts=failed`, {}, 422, 'validation_failed'],
  ['an id that is none', `${GENERATIONS}/generation.*`, {}, 404, 'not_found'],
  ['an id of another kind', `${GENERATIONS}/1`, { method: 'POST' }, 404, 'not_found'],
  ['a path that cannot be decoded', `${GENERATIONS}/%ff`, {}, 400, 'bad_request'],
  ['an unknown route', '/v2/generations', {}, 404, 'not_found'],
];

describe('bad input', () => {
  let system: System;
  let alice: Client;

  beforeAll(async () => {
    system = await System.start();
    alice = await system.as('alice');
    await alice.completed((await alice.request({ prompt })).id);
  }, 60_000);
  afterAll(() => system.stop());

  it.each(cases)(
    '%s: is refused by a problem, and leaves nothing in the log',
    async (_, path, options, status, code) => {
      const before = await system.log();
      const answer = await alice.send(path, options);
      expect({ status: answer.status, json: answer.json }).toEqual({
        status,
        json: expect.objectContaining({ status, code, request_id: answer.headers.get('x-request-id') }),
      });
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(answer.bytes.toString()).not.toMatch(/\bat .*\.[jt]s\b|node_modules/);
      expect(await system.log()).toEqual(before);
    },
  );

  it('is not seen by the provider, and the gateway goes on', async () => {
    expect((await system.simulator.counters()).creates_received).toBe(1);
    expect((await alice.completed((await alice.request({ prompt: 'another' })).id)).images).toHaveLength(1);
  });
});
