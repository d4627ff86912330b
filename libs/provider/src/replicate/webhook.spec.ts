import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { InvalidWebhookError, verifyReplicateWebhook } from './webhook.js';

const key = Buffer.from('a key of some twenty bytes');
const secret = `whsec_${key.toString('base64')}`;
const now = new Date('2026-11-21T12:00:00Z');
const body = JSON.stringify({
  id: 'p1',
  model: 'black-forest-labs/flux-schnell',
  status: 'succeeded',
  input: { prompt: 'Zoë' },
  output: ['https://replicate.delivery/a/out-0.webp'],
  created_at: '2026-11-21T11:59:00Z',
});

/** Signed by the letter of the specification rather than by the library that is under test. */
function signed(text: string, { id = 'msg_1', secondsAgo = 0 } = {}) {
  const timestamp = String(now.getTime() / 1_000 - secondsAgo);
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${text}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

describe('verifyReplicateWebhook', () => {
  it('gives the prediction of a signed body, as bytes or text', () => {
    const expected = { id: 'p1', status: 'succeeded', outputs: ['https://replicate.delivery/a/out-0.webp'] };
    expect(verifyReplicateWebhook(signed(body), Buffer.from(body), secret, now)).toMatchObject(expected);
    expect(verifyReplicateWebhook(signed(body), body, secret, now)).toMatchObject(expected);
  });

  it('takes any one of several signatures', () => {
    const headers = signed(body);
    const several = `v1,b3RoZXI= v2,x ${headers['webhook-signature']}`;
    expect(verifyReplicateWebhook({ ...headers, 'webhook-signature': several }, body, secret, now).id).toBe('p1');
  });

  it('takes a timestamp within five minutes, before or after', () => {
    for (const secondsAgo of [300, -300]) {
      expect(verifyReplicateWebhook(signed(body, { secondsAgo }), body, secret, now).id).toBe('p1');
    }
  });

  const good = signed(body);
  it.each<[string, Record<string, string | string[] | undefined>, string]>([
    ['a changed body', good, body.replace('p1', 'p2')],
    ['another id', { ...good, 'webhook-id': 'msg_2' }, body],
    ['an old timestamp', signed(body, { secondsAgo: 301 }), body],
    ['a timestamp of the future', signed(body, { secondsAgo: -301 }), body],
    [
      'a timestamp that only begins as a number',
      { ...good, 'webhook-timestamp': `${good['webhook-timestamp']}x` },
      body,
    ],
    ['no timestamp', { ...good, 'webhook-timestamp': undefined }, body],
    ['no signature', { ...good, 'webhook-signature': '' }, body],
    ['a header twice', { ...good, 'webhook-id': ['msg_1', 'msg_1'] }, body],
    ['the signature without its version', { ...good, 'webhook-signature': good['webhook-signature'].slice(3) }, body],
    ['a signed body that is not JSON', signed('hello'), 'hello'],
    ['a signed body that is no prediction', signed('{"id":"p1"}'), '{"id":"p1"}'],
  ])('refuses %s', (_name, headers, text) => {
    expect(() => verifyReplicateWebhook(headers, text, secret, now)).toThrow(InvalidWebhookError);
  });

  it('refuses what another secret signed', () => {
    const other = `whsec_${Buffer.from('another key of such length').toString('base64')}`;
    expect(() => verifyReplicateWebhook(good, body, other, now)).toThrow(InvalidWebhookError);
  });
});
