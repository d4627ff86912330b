import { describe, expect, it } from '@jest/globals';
import type { EventType } from '@darkroom/domain';
import { headers } from '@nats-io/nats-core';
import type { MsgHdrsImpl } from '@nats-io/nats-core/internal';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode, decodeAttributes, encode, EnvelopeError, NewerEventError, typeName } from './envelope.js';
import { exampleEvent } from './event-store.contract.js';
import { parseBlock } from './header-block.js';
import { newestVersion, upcast, type Upcasters } from './upcasters.js';

const FIXTURES = join(import.meta.dirname, 'fixtures');

interface Fixture {
  readonly headers: Record<string, string>;
  readonly body: unknown;
  /** What today's code must make of it. */
  readonly decoded: unknown;
}

const fixtures = readdirSync(FIXTURES)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name, ...(JSON.parse(readFileSync(join(FIXTURES, name), 'utf8')) as Fixture) }));

const isNewest = ({ headers, decoded }: Fixture): boolean =>
  headers['ce-type'] === typeName((decoded as { type: EventType }).type);

function headersOf(values: Record<string, string>) {
  const h = headers();
  for (const [name, value] of Object.entries(values)) h.set(name, value);
  return h;
}

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe('frozen examples of every event version that was ever written', () => {
  it('are there for every type', () => {
    const types = [
      'GenerationRequested',
      'AttemptStarted',
      'PredictionCreated',
      'Generated',
      'Downloaded',
      'AttemptFailed',
      'Failed',
      'Cancelled',
      'RetryRequested',
    ] as const;
    const versionsOf = (newest: string) => {
      const [name, version] = newest.replace('darkroom.generation.', '').split('.v');
      return Array.from({ length: Number(version) }, (_, index) => `${name}.v${index + 1}`);
    };
    expect(fixtures.map(({ name }) => name.replace('.json', '')).sort()).toEqual(
      types.flatMap((type) => versionsOf(typeName(type))).sort(),
    );
  });

  it.each(fixtures)('$name decodes as ever', ({ headers, body, decoded }) => {
    expect(decode(headersOf(headers), bytes(body), 17)).toEqual(decoded);
  });

  it.each(fixtures)('$name decodes the same from the bytes of its headers', ({ headers, body, decoded }) => {
    const attributes = parseBlock(Buffer.from((headersOf(headers) as MsgHdrsImpl).encode()));
    expect(attributes && decodeAttributes(attributes, bytes(body), 17)).toEqual(decoded);
  });

  it.each(fixtures.filter(isNewest))('$name is what is written today', (fixture) => {
    const again = encode(decode(headersOf(fixture.headers), bytes(fixture.body), 17));
    expect(JSON.parse(new TextDecoder().decode(again.body))).toEqual(fixture.body);
    for (const [name, value] of Object.entries(fixture.headers))
      expect([name, again.headers.get(name)]).toEqual([name, value]);
  });
});

describe('envelope', () => {
  const { headers: written, body } = encode(exampleEvent('01890000-0000-7000-8000-000000000000'));
  const without = (name: string) => {
    const h = headers();
    for (const [key, values] of written) if (key !== name) h.set(key, values[0]!);
    return h;
  };

  it('carries a user id of any characters', () => {
    const odd = exampleEvent('01890000-0000-7000-8000-000000000000', { userId: 'Jörg\r\nX: 1 | 🙂' });
    const encoded = encode(odd);
    expect(decode(encoded.headers, encoded.body, 1).userId).toBe(odd.userId);
  });

  it('refuses a header that would be two', () => {
    const odd = exampleEvent('01890000-0000-7000-8000-000000000000', { commandId: 'a\r\nce-userid: b' });
    expect(() => encode(odd)).toThrow('ce-commandid has a line break');
  });

  it.each([
    'ce-id',
    'ce-type',
    'ce-subject',
    'ce-aggregateversion',
    'ce-userid',
    'ce-commandid',
    'ce-time',
    'ce-source',
  ])('is none without %s', (name) => {
    expect(() => decode(without(name), body, 1)).toThrow(EnvelopeError);
  });

  it('is none without headers, with a version that is no number, or with a body that is not JSON', () => {
    expect(() => decode(undefined, body, 1)).toThrow(EnvelopeError);
    const odd = without('ce-aggregateversion');
    odd.set('ce-aggregateversion', '-1');
    expect(() => decode(odd, body, 1)).toThrow(EnvelopeError);
    expect(() => decode(written, new Uint8Array([0x7b, 0xff]), 1)).toThrow(EnvelopeError);
  });

  it('tells an event of a newer release from nonsense', () => {
    for (const type of ['darkroom.generation.requested.v4', 'darkroom.generation.upscaled.v1']) {
      const h = without('ce-type');
      h.set('ce-type', type);
      expect(() => decode(h, body, 1)).toThrow(NewerEventError);
    }
  });
});

describe('upcasters', () => {
  const chain: Upcasters = {
    'x.y': [
      (data) => ({ ...(data as object), second: true }),
      (data) => ({ ...(data as object), third: (data as { second: boolean }).second }),
    ],
  };

  it('lead from any version to the newest, step by step', () => {
    expect(newestVersion('x.y', chain)).toBe(3);
    expect(upcast('x.y', 1, { a: 1 }, chain)).toEqual({ a: 1, second: true, third: true });
    expect(upcast('x.y', 2, { second: false }, chain)).toEqual({ second: false, third: false });
    expect(upcast('x.y', 3, { a: 1 }, chain)).toEqual({ a: 1 });
    expect(upcast('other', 1, { a: 1 }, chain)).toEqual({ a: 1 });
  });
});

describe('parseBlock', () => {
  const parse = (text: string) => parseBlock(Buffer.from(text));

  it('reads names and first values', () => {
    const block = 'NATS/1.0 100 Some Status\r\nA: 1\r\nb:  two words \r\nA: 3\r\nempty:\r\ncolon: a:b\r\n\r\n';
    expect([...parse(block)!]).toEqual([
      ['A', '1'],
      ['b', 'two words'],
      ['empty', ''],
      ['colon', 'a:b'],
    ]);
  });

  it.each(['', 'HTTP/1.1 200 OK\r\n\r\n', 'NATS/1.0\r\nname: Jörg\r\n\r\n'])('leaves %j to the client', (block) => {
    expect(parse(block)).toBeNull();
  });

  it('ends with a block that was cut', () => {
    expect([...parse('NATS/1.0\r\na: 1\r\nb: 2')!]).toEqual([['a', '1']]);
  });
});
