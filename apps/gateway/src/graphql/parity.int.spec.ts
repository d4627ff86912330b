import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MODELS, type FieldError, type ModelView } from '@darkroom/domain';
import { migrateReadModels, openReadModels, Projector, type ReadModels } from '@darkroom/read-models';
import { Logger } from '@nestjs/common';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/postgres.js';
import { startGateway, type Answer, type TestGateway } from '../../test/gateway-fixture.js';
import { GENERATION, sendGraphql, type GraphqlAnswer } from '../../test/graphql.js';
import { completeGeneration, failGeneration, lastPosition } from '../../test/play-worker.js';
import { camelError, camelModel, camelView, snakeKeys } from './names.js';

const NOBODYS_ID = '01890a5d-ac96-774b-bcce-b302099a8050';
const EVERYTHING = `{ ...everything } } ${GENERATION}`;
const REQUEST = `mutation ($input: GenerationInput!, $key: String) { it: requestGeneration(input: $input, idempotencyKey: $key) ${EVERYTHING}`;
const LIST = `
  query ($first: Int! = 20, $after: String, $filter: GenerationFilter, $min: SafeInt) {
    it: generations(first: $first, after: $after, filter: $filter, minPosition: $min) {
      position pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node ${EVERYTHING.replace('} }', '} } } }')}`;

describe('REST and GraphQL', () => {
  let nats: TestNats;
  let database: TestDatabase;
  let gateway: TestGateway;
  let projection: ReadModels;
  const stop = new AbortController();
  let projecting: Promise<void>;

  beforeAll(async () => {
    [nats, database] = await Promise.all([startNats(), createTestDatabase()]);
    await migrateReadModels({ url: database.url });
    projection = await openReadModels({ url: database.url });
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: database.url });
    await gateway.ready();
    const { em } = projection;
    const projector = new Projector({ em, reader: gateway.log.reader, logger: new Logger('Projector') });
    projecting = projector.run(stop.signal);
  });
  afterAll(async () => {
    stop.abort();
    await projecting;
    await gateway.close();
    await projection.close();
    await Promise.all([nats.stop(), database.drop()]);
  });

  const rest = (path: string, options = {}) => gateway.send(`/v1${path}`, options);
  const graphql = (query: string, variables = {}, options = {}) => sendGraphql(gateway, query, variables, options);

  async function requested(user: string, input: object = {}): Promise<string> {
    const { data, errors } = await graphql(REQUEST, { input: { prompt: 'x', ...input } }, { user });
    expect(errors).toBeUndefined();
    return String(data.it.id);
  }

  /** Both tell the same error, but for the form of its names. */
  function expectSameError(graphqlAnswer: GraphqlAnswer, { json: problem }: Answer): void {
    const fields = (problem.errors as FieldError[] | undefined)?.map((error) => camelError(error).field);
    expect(graphqlAnswer.errors).toHaveLength(1);
    const { extensions } = graphqlAnswer.errors![0]!;
    expect(extensions.code).toBe(problem.code);
    expect((extensions.errors as { field: string }[] | undefined)?.map(({ field }) => field)).toEqual(fields);
    expect(extensions.requestId).toBe(graphqlAnswer.headers.get('x-request-id'));
  }

  it('show the same generation, whatever became of it', async () => {
    const input = {
      prompt: 'a lighthouse',
      style: 'of no use to this model',
      seed: 2 ** 53 - 1,
      aspectRatio: '3:2',
      priority: 5,
      modelOptions: { go_fast: false },
      metadata: { my_key: 'some_value', camelKey: 'x' },
    };
    const completed = await requested('alice', input);
    await completeGeneration(gateway, completed, Buffer.from('bytes'), { thumbnails: [256] });
    const failed = await requested('alice');
    await failGeneration(gateway, failed);
    const later = await requested('alice', { scheduledAt: new Date(Date.now() + 3_600_000).toISOString() });
    const states: string[] = [];
    for (const id of [completed, failed, later]) {
      const { data, errors } = await graphql(`query ($id: ID!) { it: generation(id: $id) ${EVERYTHING}`, { id });
      expect(errors).toBeUndefined();
      expect(data.it).toEqual(camelView((await rest(`/generations/${id}`)).json));
      states.push(data.it.status);
    }
    expect(states).toEqual(['completed', 'failed', 'scheduled']);
  });

  it('take the same request, in literals as in variables', async () => {
    const body = { prompt: 'x', num_outputs: 2, metadata: { a_b: 'c' }, model_options: { go_fast: true }, seed: null };
    const first = await rest('/generations', { json: body, headers: { 'idempotency-key': 'k-same' } });
    const before = await lastPosition(gateway);
    const input = { prompt: 'x', numOutputs: 2, metadata: { a_b: 'c' }, modelOptions: { go_fast: true }, seed: null };
    const byVariable = await graphql(REQUEST, { input, key: 'k-same' });
    const literal = `prompt: "x", numOutputs: 2, metadata: {a_b: "c"}, modelOptions: {go_fast: true}, seed: null`;
    const byLiteral = await graphql(
      `mutation { it: requestGeneration(input: {${literal}}, idempotencyKey: "k-same") { id } }`,
    );
    expect(byVariable.data.it).toEqual(camelView(first.json));
    expect(byLiteral.data.it.id).toBe(first.json.id);
    expect(await lastPosition(gateway)).toBe(before);

    const other = { ...input, numOutputs: 3 };
    expectSameError(
      await graphql(REQUEST, { input: other, key: 'k-same' }),
      await rest('/generations', { json: snakeKeys(other), headers: { 'idempotency-key': 'k-same' } }),
    );
    const back = await graphql(REQUEST, { input: other, key: 'k-back' });
    const again = await rest('/generations', { json: snakeKeys(other), headers: { 'idempotency-key': 'k-back' } });
    expect(again.json.id).toBe(back.data.it.id);
  });

  it('ask for a prompt only where a model needs one', async () => {
    const upscaler = MODELS.find(({ kind, availability }) => kind === 'upscale' && availability.state === 'offered')!;
    const input = { modelId: upscaler.id, sourceImageUrl: 'https://example.com/small.png' };
    const key = 'k-upscale';
    const { json } = await rest('/generations', { json: snakeKeys(input), headers: { 'idempotency-key': key } });
    const { data } = await graphql(REQUEST, { input, key });
    expect(data.it).toMatchObject({ id: json.id, prompt: '', modelId: upscaler.id });
  });

  it('pass on the trace of the caller', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01`, 'x-request-id': 'my-request-1' };
    const answer = await graphql(REQUEST, { input: { prompt: 'x' } }, { headers });
    expect(answer.headers.get('x-request-id')).toBe('my-request-1');
    const { events } = await gateway.log.store.load(answer.data.it.id);
    expect(events[0]?.traceparent).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
  });

  const longAgo = '2999-01-01T00:00:00Z';
  const dev = 'black-forest-labs/flux-dev';
  it.each([
    ['an empty prompt', { prompt: '' }],
    ['a blank prompt', { prompt: ' ' }],
    ['no prompt', {}],
    ['U+0000', { prompt: 'a\u0000' }],
    ['half a surrogate pair', { prompt: 'a\ud800' }],
    ['a long prompt', { prompt: 'x'.repeat(10_001) }],
    ['an unknown field', { prompt: 'x', promt: 'y' }],
    ['a wrong type', { prompt: 'x', numOutputs: 'two' }],
    ['a fraction', { prompt: 'x', numOutputs: 1.5 }],
    ['a value out of range', { prompt: 'x', numOutputs: 5 }],
    ['several of them', { prompt: '', numOutputs: 5, maxAttempts: 11 }],
    ['a strength above 1', { prompt: 'x', strength: 1.1 }],
    ['an unknown model', { prompt: 'x', modelId: 'who/knows' }],
    ['a shape that is none', { prompt: 'x', aspectRatio: 'wide' }],
    ['width alone', { prompt: 'x', width: 512 }],
    ['no time', { prompt: 'x', scheduledAt: 'tomorrow' }],
    ['a time that is a number', { prompt: 'x', scheduledAt: 5 }],
    ['a time too far ahead', { prompt: 'x', scheduledAt: longAgo }],
    ['no URL', { prompt: 'x', webhookUrl: 'nowhere' }],
    ['a private webhook', { prompt: 'x', webhookUrl: 'http://10.0.0.1/' }],
    ['a private source', { prompt: 'x', modelId: dev, sourceImageUrl: 'http://169.254.169.254/' }],
    ['webhook events without a webhook', { prompt: 'x', webhookEvents: ['generation.failed'] }],
    [
      'an unknown webhook event',
      { prompt: 'x', webhookUrl: 'https://example.com/', webhookEvents: ['generation.done'] },
    ],
    ['metadata that is no object', { prompt: 'x', metadata: 'x' }],
    ['metadata that is no text', { prompt: 'x', metadata: { my_key: 5 } }],
    ['metadata that is too large', { prompt: 'x', metadata: { a: 'x'.repeat(5_000) } }],
    ['an option that the model does not take', { prompt: 'x', modelOptions: { no_such: 1 } }],
    ['a field of ours among the options', { prompt: 'x', modelOptions: { num_outputs: 2 } }],
  ] as [string, Record<string, unknown>][])('refuse %s alike, and keep nothing', async (_, input) => {
    const before = await lastPosition(gateway);
    const problem = await rest('/generations', { json: snakeKeys(input) });
    expect(problem.status).toBe(422);
    const answer = await graphql(REQUEST, { input });
    expectSameError(answer, problem);
    expect(JSON.stringify(answer.errors)).not.toMatch(/num_outputs: |model_id|scheduled_at|webhook_url|node_modules/);
    expectSameError(
      await graphql('query ($input: GenerationInput!) { quoteGeneration(input: $input) { modelId } }', { input }),
      problem,
    );
    expect(await lastPosition(gateway)).toBe(before);
  });

  it.each([
    ['is empty', ''],
    ['is too long', 'x'.repeat(256)],
    ['no header can hold', 'ключ'],
  ])('refuse an idempotency key that %s', async (_, key) => {
    const answer = await graphql(REQUEST, { input: { prompt: 'x' }, key });
    expect(answer.errors).toMatchObject([
      { extensions: { code: 'validation_failed', errors: [{ field: 'idempotencyKey' }] } },
    ]);
  });

  it('quote the same', async () => {
    const json = { prompt: 'x', num_outputs: 2, style: 'none' };
    const { data } = await graphql(
      `
        query ($input: GenerationInput!) {
          it: quoteGeneration(input: $input) {
            modelId
            version
            providerInput
            warnings {
              field
              message
            }
            cost {
              estimatedUsd
            }
          }
        }
      `,
      { input: { prompt: 'x', numOutputs: 2, style: 'none' } },
    );
    expect(data.it).toEqual(camelView((await rest('/generations?dry_run=true', { json })).json));
  });

  it('show the same models', async () => {
    const usd = ['usdPerImage', 'usdPerSecond', 'usdPerRun', 'usdPerMegapixel'];
    const fields = `id version title kind parameters aspectRatios sizes { aspectRatio width height exact } defaults
      outputFormats price { ${usd.join(' ')} } typicalSeconds goodAt maxSourceImages active note successor`;
    const noPrice = Object.fromEntries(usd.map((name) => [name, null]));
    const asGraphql = (model: ModelView) => ({
      ...camelModel(model),
      price: model.price && { ...noPrice, ...(camelView(model.price) as object) },
    });
    const same = async (args: string, query: string) => {
      const { data } = await graphql(`{ models${args} { ${fields} } }`);
      const { json } = await rest(`/models${query}`);
      expect(data.models).toEqual((json.data as ModelView[]).map(asGraphql));
      return data.models.length as number;
    };
    expect(await same('', '')).toBe(MODELS.length);
    expect(await same('(kind: null, active: null)', '')).toBe(MODELS.length);
    expect(await same('(active: true)', '?active=true')).toBeGreaterThan(0);
    expect(await same('(kind: "upscale", active: true)', '?kind=upscale&active=true')).toBeGreaterThan(0);
    expectSameError(await graphql('{ models(kind: "video") { id } }'), await rest('/models?kind=video'));
    const { data } = await graphql(`{ one: model(id: "${dev}") { ${fields} } }`);
    expect(data.one).toEqual(asGraphql((await rest(`/models/${dev}`)).json as ModelView));
    expectSameError(await graphql('{ model(id: "who/knows") { id } }'), await rest('/models/who/knows'));
  });

  it.each([{}, { limits: { hourly: 3, concurrent: 2 } }, { role: 'admin' }])(
    'show the same limits to %j',
    async (claims) => {
      await rest('/generations', { json: { prompt: 'x' }, user: 'lena', claims });
      const fields = '{ used limit resetsAt }';
      const query = `{ limits { hourly ${fields} daily ${fields} concurrent ${fields} } }`;
      const { data } = await graphql(query, {}, { user: 'lena', claims });
      expect(data.limits).toEqual(camelView((await rest('/limits', { user: 'lena', claims })).json));
    },
  );

  describe('about a generation', () => {
    const one = {
      generation: ['GET', '', 'query ($id: ID!) { it: generation(id: $id) { id status } }'],
      cancel: ['POST', '/cancel', 'mutation ($id: ID!) { it: cancelGeneration(id: $id) { id status } }'],
      retry: ['POST', '/retry', 'mutation ($id: ID!) { it: retryGeneration(id: $id) { id status } }'],
    } as const;

    it.each(Object.values(one))('tell nobody of another’s: %s %s', async (method, path, query) => {
      const id = await requested('alice');
      for (const wrong of [id, NOBODYS_ID, 'x.*.>', '']) {
        const answer = await graphql(query, { id: wrong }, { user: 'bob' });
        expect(answer.data).toEqual({ it: null });
        expectSameError(answer, await rest(`/generations/${NOBODYS_ID}${path}`, { method, user: 'bob' }));
      }
      const { errors = [] } = await graphql(query, { id }, { claims: { role: 'admin' }, user: 'root' });
      expect(errors.map(({ extensions }) => extensions.code)).not.toContain('not_found');
    });

    it('cancel and retry alike, and refuse it alike', async () => {
      const id = await requested('alice');
      expect((await graphql(one.cancel[2], { id })).data.it).toEqual({ id, status: 'cancelled' });
      expect((await graphql(one.cancel[2], { id })).data.it).toEqual({ id, status: 'cancelled' });
      expectSameError(await graphql(one.retry[2], { id }), await rest(`/generations/${id}/retry`, { method: 'POST' }));

      const failed = await requested('alice');
      await failGeneration(gateway, failed);
      expect((await graphql(one.retry[2], { id: failed })).data.it).toEqual({ id: failed, status: 'queued' });
    });

    it('of several, one that is refused does not hide the others', async () => {
      const id = await requested('alice');
      const query = `mutation { bad: cancelGeneration(id: "${NOBODYS_ID}") { id } good: cancelGeneration(id: "${id}") { id } }`;
      const { status, data, errors } = await graphql(query);
      expect(status).toBe(200);
      expect(data).toEqual({ bad: null, good: { id } });
      expect(errors).toMatchObject([{ path: ['bad'], extensions: { code: 'not_found' } }]);
    });
  });

  describe('list', () => {
    const list = async (user: string, variables: object = {}, options = {}) =>
      graphql(LIST, { min: await lastPosition(gateway), ...variables }, { user, ...options });
    const nodes = ({ data }: GraphqlAnswer) => (data.it.edges as { node: { id: string } }[]).map(({ node }) => node);
    const ids = (answer: GraphqlAnswer) => nodes(answer).map(({ id }) => id);

    it('the same generations, page by page, by each other’s cursors', async () => {
      const all: string[] = [];
      for (let index = 0; index < 7; index++) all.unshift(await requested('dave'));
      const seen: string[] = [];
      let after: string | null = null;
      for (;;) {
        const page: GraphqlAnswer = await list('dave', { first: 3, after });
        const cursor: string = after === null ? '' : `&cursor=${after}`;
        const { json } = await rest(`/generations?limit=3${cursor}`, { user: 'dave' });
        const { edges, pageInfo, position } = page.data.it;
        expect(nodes(page)).toEqual((json.data as object[]).map(camelView));
        expect(position).toBeGreaterThanOrEqual(json.position - 1);
        expect(pageInfo).toEqual({
          hasNextPage: json.next_cursor !== null,
          hasPreviousPage: after !== null,
          startCursor: edges[0].cursor,
          endCursor: edges[edges.length - 1].cursor,
        });
        seen.push(...ids(page));
        if (!pageInfo.hasNextPage) break;
        expect(pageInfo.endCursor).toBe(json.next_cursor);
        after = pageInfo.endCursor;
      }
      expect(seen).toEqual(all);
      const { data } = await list('dave', { first: 2 });
      expect(ids(await list('dave', { first: 1, after: data.it.edges[0].cursor }))).toEqual([all[1]]);
    });

    it('nothing as an empty page', async () => {
      const { data } = await list('nobody');
      const nothing = { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null };
      expect(data.it).toMatchObject({ edges: [], pageInfo: nothing });
    });

    it('by the same filters', async () => {
      const plain = await requested('grace');
      const tagged = await requested('grace', { metadata: { project: 'spring', 'odd.key': 'a&b' } });
      const failed = await requested('grace', { modelId: dev });
      await failGeneration(gateway, failed);
      const { json } = await rest(`/generations/${tagged}`, { user: 'grace' });
      const filtered = async (filter: object) => ids(await list('grace', { filter }));
      expect(await filtered({ status: 'failed' })).toEqual([failed]);
      expect(await filtered({ status: 'queued' })).toEqual([tagged, plain]);
      expect(await filtered({ modelId: dev })).toEqual([failed]);
      expect(await filtered({ metadata: { project: 'spring', 'odd.key': 'a&b' } })).toEqual([tagged]);
      expect(await filtered({ metadata: { project: 'autumn' } })).toEqual([]);
      expect(await filtered({ createdAfter: json.created_at })).toEqual([failed]);
      expect(await filtered({ createdBefore: json.created_at })).toEqual([plain]);
      expect(await filtered({ batchId: 'none' })).toEqual([]);
      expect(await filtered({ status: null, metadata: null })).toEqual([failed, tagged, plain]);
      expect(ids(await list('root', { first: 100 }, { claims: { role: 'admin' } }))).toEqual(
        expect.arrayContaining([plain, tagged, failed]),
      );
    });

    it.each([
      [{ first: 0 }, 'limit=0'],
      [{ first: 101 }, 'limit=101'],
      [{ first: -1 }, 'limit=-1'],
      [{ after: 'nonsense' }, 'cursor=nonsense'],
      [{ after: '' }, 'cursor='],
      [{ filter: { createdAfter: 'yesterday' } }, 'created_after=yesterday'],
      [{ filter: { modelId: 'a\u0000' } }, 'model_id=a%00'],
      [{ filter: { metadata: { '': 'x' } } }, 'metadata.=x'],
      [{ filter: { metadata: { a_b: '\u0000' } } }, 'metadata.a_b=%00'],
      [{ min: -1 }, 'min_position=-1'],
    ])('refuse %j alike', async (variables, query) => {
      expectSameError(await graphql(LIST, variables), await rest(`/generations?${query}`));
    });

    it.each([
      [{ filter: { status: 'done' } }, 'status'],
      [{ filter: { stauts: 'failed' } }, 'stauts'],
      [{ filter: { userId: 'alice' } }, 'userId'],
      [{ filter: { metadata: { a: null } } }, 'metadata.a'],
      [{ filter: { metadata: ['a'] } }, 'metadata'],
      [{ first: 2 ** 31 }, 'first'],
      [{ min: 1.5 }, 'min'],
    ])('refuse %j', async (variables, field) => {
      const { errors } = await graphql(LIST, variables);
      expect(errors).toMatchObject([{ extensions: { code: 'validation_failed', errors: [{ field }] } }]);
    });

    it('say so alike when the projection does not get there in time', async () => {
      const far = 1_000_000;
      const [answer, problem] = await Promise.all([
        graphql(LIST, { min: far }),
        rest(`/generations?min_position=${far}`),
      ]);
      expectSameError(answer, problem);
      expect(answer.errors?.[0]?.extensions.retryAfterSeconds).toBe(1);
    });
  });
});
