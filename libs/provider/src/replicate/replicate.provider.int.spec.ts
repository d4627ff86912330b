import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ReplicateProvider } from './replicate.provider.js';

/** A server that lies on the wire, where the simulator keeps to HTTP. */
let server: Server;
let base: string;
let requests: IncomingMessage[] = [];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

const body = {
  id: 'p1',
  model: 'owner/name',
  status: 'starting',
  input: {},
  output: null,
  created_at: '2026-11-21T12:00:00.000Z',
};
const request = { model: 'owner/name', version: null, input: { prompt: 'x' }, cancelAfterSeconds: 90 };

beforeAll(async () => {
  server = createServer((incoming, response) => {
    requests.push(incoming);
    incoming.resume().on('end', () => answer(incoming, response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/v1`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
afterEach(() => {
  requests = [];
});

const provider = () =>
  new ReplicateProvider({ baseUrl: base, token: 'r8_secret', timeouts: { createMs: 1_000, readMs: 500 } });

const json = (response: ServerResponse, status: number, value: unknown) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));

describe('a create on the wire', () => {
  it('carries the deadline, the token and no wish to wait', async () => {
    answer = (_request, response) => json(response, 201, body);
    await provider().create({ ...request, webhook: 'https://a.example/hook' });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ method: 'POST', url: '/v1/models/owner/name/predictions' });
    expect(requests[0]?.headers).toMatchObject({ 'cancel-after': '90s', authorization: 'Bearer r8_secret' });
    expect(requests[0]?.headers).not.toHaveProperty('prefer');
    // Not every server takes a body of unknown length.
    expect(requests[0]?.headers).toHaveProperty('content-length');
  });

  it('is sent once even if the observer fails', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const onCall = () => {
      throw new Error('no metrics');
    };
    const observed = new ReplicateProvider({ baseUrl: base, token: 'r8_secret', onCall });
    answer = (_request, response) => json(response, 201, body);
    expect(await observed.create(request)).toMatchObject({ id: 'p1' });
    answer = (_request, response) => json(response, 500, {});
    await expect(observed.create(request)).rejects.toMatchObject({ kind: 'outcome_unknown' });
    expect(requests).toHaveLength(2);
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('no metrics'));
    warn.mockRestore();
  });

  it.each([401, 403, 408, 409, 421, 425, 429, 500, 503])('answered with %i is not sent again', async (status) => {
    answer = (_request, response) => json(response, status, {});
    await expect(provider().create(request)).rejects.toMatchObject({ name: 'ProviderError' });
    expect(requests).toHaveLength(1);
  });

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    [
      'a body cut short',
      (_request, response) => {
        response.writeHead(201, { 'content-length': '500' }).write('{"id":');
        setImmediate(() => response.destroy());
      },
    ],
    ['a body that never ends', (_request, response) => response.writeHead(201).write('{"id":')],
    ['no answer', () => undefined],
    ['a prediction without an id', (_request, response) => json(response, 201, { ...body, id: undefined })],
    ['an empty body', (_request, response) => response.writeHead(201).end()],
    ['a web page', (_request, response) => response.writeHead(200).end('<html>')],
    ['a redirect', (_request, response) => response.writeHead(307, { location: '/v1/elsewhere' }).end()],
    ['a bad gateway', (_request, response) => response.writeHead(502).end('<html>')],
  ])('answered with %s has an unknown outcome, after one request', async (_name, lie) => {
    answer = lie;
    await expect(provider().create(request)).rejects.toMatchObject({ name: 'ProviderError', kind: 'outcome_unknown' });
    expect(requests).toHaveLength(1);
  });
});

describe('a read on the wire', () => {
  it('is tried again when it takes too long or its body is unreadable', async () => {
    const lies: (typeof answer)[] = [
      () => undefined,
      (_request, response) => response.writeHead(200).end('{"id":'),
      (_request, response) => response.writeHead(302, { location: 'https://evil.example/' }).end(),
    ];
    answer = (incoming, response) => {
      const lie = lies.shift();
      if (lie) lie(incoming, response);
      else json(response, 200, body);
    };
    expect(await provider().get('p1')).toMatchObject({ id: 'p1' });
    expect(requests).toHaveLength(4);
  });

  it('stops when it is told to, on its way and between two attempts', async () => {
    const reading = (stop: AbortController) => provider().get('p1', { signal: stop.signal });
    const onItsWay = new AbortController();
    answer = () => onItsWay.abort();
    await expect(reading(onItsWay)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(requests).toHaveLength(1);

    const between = new AbortController();
    answer = (_request, response) => {
      response.on('close', () => between.abort());
      json(response, 500, {});
    };
    await expect(reading(between)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(requests).toHaveLength(2);
  });

  it('follows pages on its own host only, and each page once', async () => {
    answer = (_request, response) =>
      json(response, 200, { next: 'https://evil.example/v1/predictions?cursor=abc', previous: null, results: [body] });
    const listed = [];
    for await (const prediction of provider().list('2026-11-21T12:00:00Z')) listed.push(prediction.id);
    expect(listed).toEqual(['p1', 'p1']);
    expect(requests.map(({ url }) => new URL(url ?? '', base).searchParams.toString())).toEqual([
      'created_after=2026-11-21T12%3A00%3A00Z',
      'created_after=2026-11-21T12%3A00%3A00Z&cursor=abc',
    ]);
  });

  it('leaves out what is older than asked, should the provider send it', async () => {
    answer = (_request, response) =>
      json(response, 200, { next: null, results: [body, { ...body, id: 'p0', created_at: '2026-11-20T12:00:00Z' }] });
    const listed = [];
    for await (const prediction of provider().list('2026-11-21T12:00:00Z')) listed.push(prediction.id);
    expect(listed).toEqual(['p1']);
  });
});

describe('rate limits', () => {
  const limited = () => {
    const asked: string[] = [];
    const throttled: unknown[] = [];
    const calls: string[] = [];
    const provider = new ReplicateProvider({
      baseUrl: base,
      token: 'r8_secret',
      beforeCall: async (operation) => void asked.push(`${operation} ${requests.length}`),
      onThrottled: (operation, pauseMs) => void throttled.push([operation, pauseMs]),
      onCall: ({ operation, code }) => void calls.push(`${operation} ${code}`),
    });
    return { asked, throttled, calls, provider };
  };

  it('leave is asked before every exchange that is not a create: each retry, each page', async () => {
    const { asked, provider } = limited();
    answer = (_request, response) => json(response, requests.length < 3 ? 503 : 200, body);
    await provider.get('p1');
    expect(asked).toEqual(['get 0', 'get 1', 'get 2']);
    await provider.cancel('p1');
    await provider.create(request);
    expect(asked).toEqual(['get 0', 'get 1', 'get 2', 'cancel 3']);
    const next = `${base}/predictions?cursor=abc`;
    answer = (_request, response) => json(response, 200, { next, previous: null, results: [body] });
    for await (const _ of provider.list('2026-11-21T12:00:00Z'));
    expect(asked.slice(4)).toEqual(['list 5', 'list 6']);
  });

  it('without leave nothing is sent', async () => {
    const provider = new ReplicateProvider({
      baseUrl: base,
      token: 'r8_secret',
      beforeCall: () => Promise.reject(new Error('the worker ends')),
    });
    await expect(provider.get('p1')).rejects.toMatchObject({ kind: 'unavailable', message: 'the worker ends' });
    expect(requests).toHaveLength(0);
  });

  it('every 429 is told of, with the wait that came with it', async () => {
    const { throttled, calls, provider } = limited();
    answer = (_request, response) => response.writeHead(429, { 'retry-after': '7' }).end('{}');
    await expect(provider.create(request)).rejects.toMatchObject({ kind: 'throttled' });
    answer = (_request, response) => json(response, 429, {});
    await expect(provider.create(request)).rejects.toMatchObject({ kind: 'throttled' });
    const file = { name: 'a.png', content: new Uint8Array(1), contentType: 'image/png' };
    await expect(provider.upload(file)).rejects.toMatchObject({ kind: 'throttled' });
    expect(throttled).toEqual([
      ['create', 7_000],
      ['create', 5_000],
      ['upload', 5_000],
    ]);
    expect(calls).toEqual(['create throttled', 'create throttled', 'upload throttled']);
  });

  it.each(['get', 'cancel', 'list'] as const)(
    'a %s waits until it is let through, however often',
    async (operation) => {
      const { asked, throttled, calls, provider } = limited();
      const times = 6;
      answer = (_request, response) => {
        if (requests.length <= times)
          response.writeHead(429, { 'retry-after': requests.length === 1 ? '1' : '0' }).end();
        else json(response, 200, operation === 'list' ? { next: null, results: [body] } : body);
      };
      const began = performance.now();
      if (operation === 'list') for await (const _ of provider.list('2026-11-21T12:00:00Z'));
      else await provider[operation]('p1');
      expect(performance.now() - began).toBeGreaterThan(990);
      expect(requests).toHaveLength(times + 1);
      expect(asked).toHaveLength(times + 1);
      expect(throttled).toEqual([1, 0, 0, 0, 0, 0].map((seconds) => [operation, seconds * 1_000]));
      expect(calls).toEqual([...Array.from({ length: times }, () => `${operation} throttled`), `${operation} ok`]);
    },
  );

  it('a read asks again after a minute at most, and not at all when it is told to stop', async () => {
    const stop = new AbortController();
    const throttled: unknown[] = [];
    const provider = new ReplicateProvider({
      baseUrl: base,
      token: 'r8_secret',
      onThrottled: (operation, pauseMs) => {
        throttled.push([operation, pauseMs]);
        stop.abort();
      },
    });
    answer = (_request, response) => response.writeHead(429, { 'retry-after': '600' }).end();
    await expect(provider.get('p1', { signal: stop.signal })).rejects.toMatchObject({ kind: 'unavailable' });
    expect(throttled).toEqual([['get', 60_000]]);
    expect(requests).toHaveLength(1);
  });
});

it('needs a token of its own and a base URL', () => {
  expect(() => new ReplicateProvider({ baseUrl: base, token: '' })).toThrow(TypeError);
  expect(() => new ReplicateProvider({ baseUrl: 'replicate', token: 'x' })).toThrow(TypeError);
});
