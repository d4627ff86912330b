import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { GenerationView } from '@darkroom/domain';
import { EventSource } from 'eventsource';
import { connect, type Socket } from 'node:net';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { ADMIN_KEY, NO_POSTGRES, startGateway, tokenFor, type TestGateway } from '../../test/gateway-fixture.js';
import { completeGeneration, tryInVain } from '../../test/play-worker.js';
import { generation as generationSchema } from './answers.schema.js';

const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, index) => from + index);
const TIMING = { heartbeatMs: 50, stallMs: 2_000 };

interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: GenerationView;
}

/** Reads an event stream as it is written: what is no field of a message is left out. */
function messagesIn(text: string): Message[] {
  const blocks = text.split('\n\n').slice(0, -1);
  return blocks.flatMap((block) => {
    const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
    const data = fields.get('data');
    if (data === undefined) return [];
    return [{ id: fields.get('id')!, event: fields.get('event')!, data: JSON.parse(data) as GenerationView }];
  });
}

const versions = (messages: readonly Message[]) => messages.map(({ data }) => data.version);

describe('GET /v1/generations/:id/events', () => {
  let nats: TestNats;
  let gateway: TestGateway;

  const start = () => startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES }, undefined, TIMING);

  beforeAll(async () => {
    nats = await startNats();
    gateway = await start();
    await gateway.ready();
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  const requested = async (prompt = 'a lighthouse', user = 'alice'): Promise<GenerationView> =>
    (await gateway.send('/v1/generations', { user, json: { prompt } })).json as GenerationView;
  const complete = ({ id }: GenerationView) => completeGeneration(gateway, id, Buffer.from('x'));
  const pathOf = ({ id }: GenerationView) => `/v1/generations/${id}/events`;

  /** Reads a stream to its end, which comes with that of the generation. */
  async function read(generation: GenerationView, lastEventId?: number | string): Promise<Message[]> {
    const headers = lastEventId === undefined ? undefined : { 'last-event-id': String(lastEventId) };
    const { bytes } = await gateway.send(pathOf(generation), { headers });
    return messagesIn(bytes.toString());
  }

  async function metric(name: string, of = gateway): Promise<number> {
    const lines = (await of.send('/metrics', { user: null })).bytes.toString().split('\n');
    return Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1] ?? 0);
  }

  const listeners = (of = gateway) => metric('darkroom_live_subscribers', of);
  /** Streams that were begun and are over, however they ended. */
  const streamsEnded = () =>
    metric('darkroom_http_request_duration_seconds_count{route="/v1/generations/:id/events",method="GET",code="200"}');

  /** A client as browsers have it, which connects again by itself. */
  function eventSource(generation: GenerationView, token: Promise<string>, at = gateway) {
    const source = new EventSource(at.url + pathOf(generation), {
      fetch: async (url, init) =>
        fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${await token}` } }),
    });
    const messages: Message[] = [];
    const failures: (number | undefined)[] = [];
    source.addEventListener('generation', ({ lastEventId: id, type: event, data }) => {
      messages.push({ id, event, data: JSON.parse(data as string) as GenerationView });
    });
    source.addEventListener('error', ({ code }) => failures.push(code));
    const closed = () => eventually(() => source.readyState === EventSource.CLOSED);
    return { source, messages, failures, closed };
  }

  /** A client that only sends; what comes back is read once it is resumed. */
  async function socketTo(text: string): Promise<Socket> {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1').on('error', () => undefined);
    socket.pause().write(text);
    return socket;
  }

  const getOf = async (generation: GenerationView, headers = '') =>
    `GET ${pathOf(generation)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await tokenFor('alice')}\r\n${headers}\r\n`;

  it('brings an EventSource from queued to completed, each change once, and then tells it to stop', async () => {
    const generation = await requested();
    const { messages, failures, closed } = eventSource(generation, tokenFor('alice'));
    await eventually(() => messages.length === 1);
    await complete(generation);
    await closed();
    expect(versions(messages)).toEqual(upTo(6));
    for (const { id, event, data } of messages) {
      expect({ id, event }).toEqual({ id: String(data.position), event: 'generation' });
      expect(generationSchema.safeParse(data).error).toBeUndefined();
    }
    expect(messages[0]!.data).toEqual(generation);
    expect(messages.at(-1)!.data).toEqual((await gateway.send(`/v1/generations/${generation.id}`)).json);
    // The end of the stream, then 204.
    expect(failures).toEqual([undefined, 204]);
    expect(await listeners()).toBe(0);
  });

  it('is a stream that nothing on the way may keep, with the headers that every answer has', async () => {
    const generation = await requested();
    const ended = await streamsEnded();
    const leave = new AbortController();
    const answer = await fetch(gateway.url + pathOf(generation), {
      signal: leave.signal,
      headers: { authorization: `Bearer ${await tokenFor('alice')}`, 'x-request-id': 'r-of-the-test' },
    });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-request-id': 'r-of-the-test',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("default-src 'self'"),
    });
    let text = '';
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes('\n\n:\n\n:\n\n')) break;
    }
    expect(text).toMatch(/^retry: 2000\n\nid: \d+\nevent: generation\ndata: \{.*\}\n\n(:\n\n)+$/);
    leave.abort();
    await eventually(async () => (await listeners()) === 0);
    // A stream that its client left is counted and timed like any other request.
    expect(await streamsEnded()).toBe(ended + 1);
  });

  it('goes on after Last-Event-ID, at every position, without a gap or a repeat', async () => {
    const generation = await requested();
    await tryInVain(gateway, generation.id, 2);
    await complete(generation);
    const whole = await read(generation, 0);
    expect(versions(whole)).toEqual(upTo(10));
    for (const { id } of whole) {
      const rest = whole.filter((message) => Number(message.id) > Number(id));
      const answer = await gateway.send(pathOf(generation), { headers: { 'last-event-id': id } });
      expect(messagesIn(answer.bytes.toString())).toEqual(rest);
      expect(answer.status).toBe(rest.length === 0 ? 204 : 200);
    }
    expect(versions(await read(generation))).toEqual([10]);
    // No position of this log: it begins with the present.
    expect(versions(await read(generation, 999_999_999))).toEqual([10]);
  });

  it('loses nothing and repeats nothing when the connection breaks again and again', async () => {
    const generation = await requested();
    const working = tryInVain(gateway, generation.id, 40).then(() => complete(generation));
    const messages: Message[] = [];
    for (;;) {
      const leave = new AbortController();
      const last = messages.at(-1)?.id ?? '0';
      const answer = await fetch(gateway.url + pathOf(generation), {
        signal: leave.signal,
        headers: { authorization: `Bearer ${await tokenFor('alice')}`, 'last-event-id': last },
      });
      if (answer.status === 204) break;
      let text = '';
      for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (messagesIn(text).length >= 3) break;
      }
      leave.abort();
      messages.push(...messagesIn(text));
    }
    await working;
    expect(versions(messages)).toEqual(upTo(86));
  });

  it('is refused like any other request, before anything is streamed', async () => {
    const generation = await requested();
    const foreign = await gateway.send(pathOf(generation), { user: 'bob' });
    expect(foreign.json).toMatchObject({ status: 404, code: 'not_found' });
    expect(foreign.headers.get('content-type')).toMatch('application/problem+json');
    const unknown = await gateway.send('/v1/generations/nonsense/events');
    expect(unknown.json).toMatchObject({ status: 404, code: 'not_found' });
    expect((await gateway.send(pathOf(generation), { user: null })).json).toMatchObject({ code: 'unauthenticated' });
    const claims = { exp: Math.floor(Date.now() / 1_000) - 1 };
    expect((await gateway.send(pathOf(generation), { claims })).json).toMatchObject({ status: 401 });
    for (const id of ['x', '-1', '1.5', '']) {
      const { json } = await gateway.send(pathOf(generation), { headers: { 'last-event-id': id } });
      expect(json).toMatchObject({ status: 422, errors: [{ field: 'Last-Event-ID' }] });
    }
    const asOperator = eventSource(generation, Promise.resolve(ADMIN_KEY));
    await eventually(() => asOperator.messages.length === 1);
    asOperator.source.close();
    await eventually(async () => (await listeners()) === 0);
  });

  it('answers HEAD without keeping anything', async () => {
    const { status } = await gateway.send(pathOf(await requested()), { method: 'HEAD' });
    expect(status).toBe(200);
    await eventually(async () => (await listeners()) === 0);
  });

  it('ends when the token expires', async () => {
    const generation = await requested();
    const token = tokenFor('alice', { exp: Math.ceil(Date.now() / 1_000) + 1 });
    const { messages, failures, closed } = eventSource(generation, token);
    await eventually(() => messages.length === 1);
    await closed();
    expect(failures).toEqual([undefined, 401]);
    expect(await listeners()).toBe(0);
  });

  it('serves many who follow one generation', async () => {
    const generation = await requested();
    const many = Array.from({ length: 200 }, () => read(generation, 0));
    await eventually(async () => (await listeners()) === 200);
    await complete(generation);
    for (const messages of await Promise.all(many)) expect(versions(messages)).toEqual(upTo(6));
    await eventually(async () => (await listeners()) === 0);
  });

  it('drops clients that do not read; the others do not notice, and memory stays bounded', async () => {
    // 30 KB of text in 400 events: without a bound 240 MB would wait for them.
    const generation = await requested('海'.repeat(10_000));
    await tryInVain(gateway, generation.id, 200);
    const [before, dropped] = [process.memoryUsage().rss, await streamsEnded()];
    const stopped = await Promise.all(
      Array.from({ length: 20 }, async () => socketTo(await getOf(generation, 'Last-Event-ID: 0\r\n'))),
    );
    const reading = read(generation, 0);
    await eventually(async () => (await streamsEnded()) === dropped + 20);
    expect(await listeners()).toBe(1);
    expect(process.memoryUsage().rss - before).toBeLessThan(160 * 1024 * 1024);
    await complete(generation);
    expect(versions(await reading)).toEqual(upTo(406));
    for (const socket of stopped) socket.destroy();
  });

  it('forgets clients that leave, also those that sent several requests at once', async () => {
    const generation = await requested();
    const get = await getOf(generation);
    const socket = await socketTo(get + get + get);
    await eventually(async () => (await listeners()) > 0);
    socket.destroy();
    await eventually(async () => (await listeners()) === 0);
  });

  it('ends at once when the gateway shuts down, and goes on at another one', async () => {
    const generation = await requested();
    const other = await start();
    await other.ready();
    const leaving = Array.from({ length: 20 }, () =>
      other.send(pathOf(generation)).then(({ bytes }) => messagesIn(bytes.toString())),
    );
    await eventually(async () => (await listeners(other)) === 20);
    const begun = performance.now();
    await other.close();
    expect(performance.now() - begun).toBeLessThan(1_500);
    const heard = await Promise.all(leaving);
    for (const messages of heard) expect(versions(messages)).toEqual([1]);
    await complete(generation);
    expect(versions(await read(generation, heard[0]!.at(-1)!.id))).toEqual(upTo(6, 2));
  });

  it('goes on when NATS is killed and comes back, without a gap or a repeat', async () => {
    const generation = await requested();
    const { messages, failures, closed } = eventSource(generation, tokenFor('alice'));
    await tryInVain(gateway, generation.id);
    await eventually(() => messages.length >= 1);
    await nats.kill9();
    expect((await gateway.send(pathOf(generation))).json).toMatchObject({ status: 503, code: 'unavailable' });
    await nats.restart();
    await gateway.ready();
    await complete(generation);
    await closed();
    expect(versions(messages)).toEqual(upTo(8, messages[0]!.data.version));
    expect(failures).toEqual([undefined, 204]);
  });
});
