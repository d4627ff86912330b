import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NO_POSTGRES, startGateway, type TestGateway } from '../../test/gateway-fixture.js';
import { generationRequest } from '../application/generation-request.js';
import { problem } from '../rest/answers.schema.js';
import { createAdapter, TIMEOUTS } from './adapter.js';

const impatient = { ...TIMEOUTS, headersTimeout: 200, requestTimeout: 400, connectionsCheckingInterval: 50 };

describe('the server', () => {
  let nats: TestNats;
  let gateway: TestGateway;

  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES }, createAdapter(impatient));
    await gateway.ready();
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  /** Sends these bytes and no more; answers what comes back until the server hangs up. */
  async function raw(bytes: string): Promise<string> {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    socket.write(bytes);
    return text(socket);
  }

  function problemIn(answer: string) {
    return problem.parse(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))));
  }

  it('hangs up on a client that does not finish its request', async () => {
    const post = 'POST /v1/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
    for (const begun of [post, `${post}Content-Length: 100\r\n\r\n{"prompt":`]) {
      const answer = await raw(begun);
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      expect(problemIn(answer)).toMatchObject({ status: 408 });
    }
  });

  it('answers what is no HTTP by a problem, too', async () => {
    expect(problemIn(await raw('HELLO\r\n\r\n'))).toMatchObject({ status: 400, code: 'bad_request' });
    expect(problemIn(await raw(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).status).toBe(431);
  });

  it('names every answer, by the id of the caller if that is harmless', async () => {
    const idFor = async (id: string) =>
      (await gateway.send('/v1/models', { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(await idFor('caller-1')).toBe('caller-1');
    for (const hostile of ['x'.repeat(129), 'a b', 'a"b', '<script>', '{"a":1}']) {
      expect(await idFor(hostile)).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect((await gateway.send('/nothing')).headers.get('x-request-id')).toBeTruthy();
  });

  it('sends security headers and does not say what it is made of', async () => {
    const { headers } = await gateway.send('/v1/models');
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('server')).toBeNull();
  });

  it('counts requests by route, and shows no ids', async () => {
    const { json } = await gateway.send('/v1/generations', { json: { prompt: 'x' } });
    await gateway.send(`/v1/generations/${json.id}`);
    await gateway.send('/wp-login.php');
    const { headers, bytes } = await gateway.send('/metrics', { user: null });
    const metrics = bytes.toString();
    expect(headers.get('content-type')).toContain('text/plain');
    expect(metrics).toContain(
      'darkroom_http_request_duration_seconds_count{route="/v1/generations/:id",method="GET",code="200"} 1',
    );
    expect(metrics).toMatch(/darkroom_http_request_duration_seconds_count\{route="none",method="GET",code="404"\} \d/);
    expect(metrics).toContain('darkroom_append_conflicts_total 0');
    expect(metrics).toContain('process_cpu_seconds_total');
    expect(metrics).not.toContain(json.id);
    expect(metrics).not.toContain('wp-login');
  });
});

describe('the documentation', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let document: {
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, object>; securitySchemes: Record<string, object> };
  };
  interface Operation {
    operationId?: string;
    summary?: string;
    security?: object[];
    requestBody?: { content: Record<string, { schema: { type: string } }> };
    responses: Record<string, { description?: string; content?: Record<string, object> }>;
  }

  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    await gateway.ready();
    document = (await gateway.send('/docs/openapi.json', { user: null })).json;
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  it('tells every route, how to authenticate, and what can go wrong', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        route: `${method.toUpperCase()} ${path}`,
        ...operation,
      })),
    );
    expect(operations.map(({ route }) => route).sort()).toEqual([
      'GET /health/live',
      'GET /health/ready',
      'GET /v1/generations',
      'GET /v1/generations/{id}',
      'GET /v1/generations/{id}/events',
      'GET /v1/generations/{id}/history',
      'GET /v1/images/{id}',
      'GET /v1/images/{id}/content',
      'GET /v1/images/{id}/thumbnail',
      'GET /v1/limits',
      'GET /v1/models',
      'GET /v1/models/{owner}/{name}',
      'GET /v1/uploads/{id}',
      'GET /v1/uploads/{id}/content',
      'POST /v1/generations',
      'POST /v1/generations/{id}/cancel',
      'POST /v1/generations/{id}/retry',
      'POST /v1/hooks/replicate',
      'POST /v1/images/{id}/links',
      'POST /v1/uploads',
    ]);
    const takes = operations.find(({ route }) => route === 'POST /v1/uploads')?.requestBody?.content ?? {};
    expect(Object.entries(takes).map(([type, { schema }]) => [type, schema.type])).toEqual([
      ['multipart/form-data', 'object'],
      ['image/png', 'string'],
      ['image/jpeg', 'string'],
      ['image/webp', 'string'],
    ]);
    expect(document.components.securitySchemes).toMatchObject({ bearer: { type: 'http', scheme: 'bearer' } });
    for (const { route, operationId, summary, security, responses } of operations) {
      expect({ route, operationId, summary }).toEqual({
        route,
        operationId: expect.any(String),
        summary: expect.any(String),
      });
      expect(security !== undefined).toBe(route.includes('/v1/') && !route.includes('/hooks/'));
      const errors = Object.entries(responses).filter(([status]) => Number(status) >= 400);
      if (security) expect(errors.map(([status]) => status)).toContain('401');
      for (const [, { content }] of security ? errors : []) {
        expect(content).toEqual({ 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } });
      }
    }
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  });

  it('refers to nothing that is not there', () => {
    const references = JSON.stringify(document).match(/#\/[A-Za-z/]+\/\w+/g) ?? [];
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) {
      expect(document.components.schemas).toHaveProperty([reference.replace('#/components/schemas/', '')]);
    }
  });

  it('describes every field of a request, with an example that is accepted', () => {
    const { properties, required, additionalProperties } = document.components.schemas.GenerationRequest as {
      properties: Record<string, { example?: unknown }>;
      required?: string[];
      additionalProperties: boolean;
    };
    expect(Object.keys(properties).sort()).toEqual(Object.keys(generationRequest.shape).sort());
    expect(required).toBeUndefined();
    expect(additionalProperties).toBe(false);
    const examples = Object.entries(properties).flatMap(([field, { example }]) =>
      example === undefined ? [] : [[field, example]],
    );
    expect(() => generationRequest.parse(Object.fromEntries(examples))).not.toThrow();
  });

  it('has a page whose scripts the security headers let run', async () => {
    const page = await gateway.send('/docs', { user: null });
    const html = page.bytes.toString();
    const scripts = [...html.matchAll(/<script[^>]*src="([^"]+)"/g)].map(([, source]) => source!);
    expect(scripts.length).toBeGreaterThan(1);
    expect(html).not.toMatch(/<script(?![^>]*src=)[^>]*>\s*\S/);
    for (const script of scripts) {
      const { status } = await gateway.send(new URL(script, 'http://x/docs').pathname, { user: null });
      expect({ script, status }).toEqual({ script, status: 200 });
    }
  });
});
