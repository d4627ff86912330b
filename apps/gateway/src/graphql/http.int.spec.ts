import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateReadModels } from '@darkroom/read-models';
import { getIntrospectionQuery } from 'graphql';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.js';
import { startGateway, tokenFor, type RequestOptions, type TestGateway } from '../../test/gateway-fixture.js';
import { GENERATION, sendGraphql, type GraphqlAnswer } from '../../test/graphql.js';
import { lastPosition } from '../../test/play-worker.js';

const MODELS = '{ models { id } }';
const REQUEST = 'mutation { requestGeneration(input: {prompt: "x"}) { id } }';
const JSON_BODY = { 'content-type': 'application/json' };

describe('GraphQL over HTTP', () => {
  let nats: TestNats;
  let postgres: TestPostgres;
  let gateway: TestGateway;

  beforeAll(async () => {
    [nats, postgres] = await Promise.all([startNats(), startPostgres()]);
    await migrateReadModels({ url: postgres.url });
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: postgres.url });
    await gateway.ready();
  });
  afterAll(async () => {
    await gateway.close();
    await Promise.all([nats.stop(), postgres.remove()]);
  });

  const graphql = (query: string, variables = {}, options: RequestOptions = {}) =>
    sendGraphql(gateway, query, variables, options);
  const codes = ({ errors = [] }: GraphqlAnswer) => errors.map(({ extensions }) => extensions.code);

  describe('without credentials', () => {
    it.each([
      ['a query', MODELS],
      ['a mutation', REQUEST],
      ['introspection', getIntrospectionQuery()],
      ['what cannot be read', '{ nonsense'],
      ['no document', ''],
    ])('refuses %s', async (_, query) => {
      const before = await lastPosition(gateway);
      const answer = await graphql(query, {}, { user: null });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="darkroom"');
      expect(answer.data).toBeUndefined();
      expect(codes(answer)).toEqual(['unauthenticated']);
      expect(answer.errors?.[0]?.extensions.requestId).toBe(answer.headers.get('x-request-id'));
      expect(await lastPosition(gateway)).toBe(before);
    });

    it('refuses a token that is not valid', async () => {
      const token = await tokenFor('alice', {}, 'another secret, as long as ours!');
      const answer = await graphql(MODELS, {}, { user: null, headers: { authorization: `Bearer ${token}` } });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
    });
  });

  describe('refuses', () => {
    const costly = `query ($n: Int!) { a: generations(first: $n) { edges { node { ...everything } } }
      b: generations(first: $n) { edges { node { ...everything } } } } ${GENERATION}`;
    const deep = `{ __type(name: "x") ${'{ ofType '.repeat(10)} { name } ${'}'.repeat(10)} }`;

    it.each([
      ['what cannot be read', '{ models {', {}, 'bad_request', 'Syntax Error'],
      ['an unknown field', '{ models { nothing } }', {}, 'bad_request', 'Cannot query field'],
      ['an unknown value of a type', '{ generations(filter: {status: done}) { position } }', {}, 'bad_request', 'done'],
      ['a query that is too deep', deep, {}, 'bad_request', 'depth limit of 10 exceeded, found 12'],
      ['a query that is too costly', costly, { n: 100 }, 'bad_request', 'may cost at most 15000'],
      ['a document that is too long', `{ ${'id '.repeat(3_000)} }`, {}, 'bad_request', '2000 tokens'],
      ['introspection of introspection', deepIntrospection(), {}, 'bad_request', 'introspection depth'],
      ['an operation that is not there', 'query a { models { id } } query b { models { id } }', {}, 'bad_request', ''],
      ['no document', '', {}, 'bad_request', 'non-empty'],
      ['subscriptions', 'subscription { generationsUpdated { id } }', {}, 'bad_request', 'WebSocket'],
      ['a wrong variable', 'query ($id: ID!) { generation(id: $id) { id } }', { id: {} }, 'validation_failed', 'id: '],
      [
        'a missing variable',
        'query ($id: ID!) { generation(id: $id) { id } }',
        {},
        'validation_failed',
        'id: is required',
      ],
    ])('%s', async (_, query, variables, code, text) => {
      const answer = await graphql(query, variables);
      expect(answer.status).toBe(400);
      expect(codes(answer)).toEqual([code]);
      expect(answer.errors?.[0]?.message).toContain(text);
      expect(JSON.stringify(answer.errors)).not.toMatch(/stack|node_modules|\.js:\d/);
    });

    it.each([
      ['a list of operations', { json: [{ query: MODELS }, { query: MODELS }] }, 400, 'bad_request'],
      [
        'a persisted query',
        { json: { extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } } },
        200,
        'bad_request',
      ],
      ['what no page of another site may send', { method: 'POST' }, 400, 'bad_request'],
      ['a mutation by GET', { path: `?query=${encodeURIComponent(REQUEST)}`, headers: JSON_BODY }, 405, 'bad_request'],
      ['GET without a query', { headers: JSON_BODY }, 400, 'bad_request'],
    ] as [string, RequestOptions & { path?: string }, number, string][])(
      '%s',
      async (_, { path = '', ...options }, status, code) => {
        const before = await lastPosition(gateway);
        const answer = await gateway.send(`/graphql${path}`, options);
        expect(answer.status).toBe(status);
        expect(answer.json.errors).toMatchObject([{ extensions: { code, requestId: expect.any(String) } }]);
        expect(await lastPosition(gateway)).toBe(before);
      },
    );

    it.each([
      ['malformed JSON', { body: '{"query":' }, 'malformed_json'],
      ['plain text', { body: MODELS, headers: { 'content-type': 'text/plain' } }, 'unsupported_media_type'],
      ['a huge body', { json: { query: MODELS, variables: { x: 'x'.repeat(1 << 20) } } }, 'payload_too_large'],
    ] as [string, RequestOptions, string][])(
      '%s as REST does, since it is no GraphQL yet',
      async (_, options, code) => {
        const { json } = await gateway.send('/graphql', options);
        expect(json).toMatchObject({ code });
      },
    );
  });

  it('shows a browser no page', async () => {
    const { status, headers, json } = await gateway.send('/graphql', { headers: { accept: 'text/html' } });
    expect(status).toBe(400);
    expect(headers.get('content-type')).toContain('application/json');
    expect(json.errors).toMatchObject([{ extensions: { code: 'bad_request' } }]);
  });

  it('answers queries by GET, and tools that ask for the schema', async () => {
    const byGet = await gateway.send(`/graphql?query=${encodeURIComponent(MODELS)}`, { headers: JSON_BODY });
    expect(byGet).toMatchObject({ status: 200, json: { data: { models: expect.any(Array) } } });
    const introspected = await graphql(getIntrospectionQuery());
    expect(introspected.errors).toBeUndefined();
    const types = introspected.data.__schema.types as { name: string; description: string }[];
    expect(types.find(({ name }) => name === 'DateTime')?.description).toBe('A time, ISO 8601 UTC.');
  });

  it('is measured under its route', async () => {
    await graphql(MODELS);
    const metrics = (await gateway.send('/metrics', { user: null })).bytes.toString();
    expect(metrics).toMatch(
      /darkroom_http_request_duration_seconds_count\{route="\/graphql",method="POST",code="200"\} \d/,
    );
  });

  it('without Postgres says that lists are away, and goes on with the rest', async () => {
    await postgres.kill9();
    const asked = await graphql(REQUEST);
    const query = `query ($id: ID!) { generation(id: $id) { id } generations { position } }`;
    const answer = await graphql(query, asked.data.requestGeneration);
    expect(answer.status).toBe(200);
    expect(answer.data).toEqual({ generation: asked.data.requestGeneration, generations: null });
    expect(answer.errors).toMatchObject([
      { path: ['generations'], extensions: { code: 'unavailable', retryAfterSeconds: 2 } },
    ]);
  });

  it('without NATS keeps nothing and says so, at once', async () => {
    const before = await lastPosition(gateway);
    const { data } = await graphql(REQUEST);
    await nats.kill9();
    const begun = performance.now();
    const { id } = data.requestGeneration;
    const operations = [
      REQUEST,
      `{ generation(id: "${id}") { id } }`,
      `mutation { cancelGeneration(id: "${id}") { id } }`,
    ];
    for (const answer of await Promise.all(operations.map((query) => graphql(query)))) {
      expect(answer.errors).toMatchObject([{ extensions: { code: 'unavailable', retryAfterSeconds: 2 } }]);
      expect(JSON.stringify(answer.errors)).not.toContain('127.0.0.1');
    }
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect((await graphql(MODELS)).errors).toBeUndefined();
    await nats.restart();
    await gateway.ready();
    expect(await lastPosition(gateway)).toBe(before + 1);
  });
});

function deepIntrospection(): string {
  const fields = (depth: number): string => (depth === 0 ? 'name' : `fields { type { ${fields(depth - 1)} } }`);
  return `{ __schema { types { ${fields(4)} } } }`;
}
