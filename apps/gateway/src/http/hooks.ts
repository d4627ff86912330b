import { isGenerationId } from '@darkroom/domain';
import {
  continueTrace,
  parseTraceparent,
  withLogContext,
  type LogContext,
  type Metrics,
} from '@darkroom/observability';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import helmet from 'helmet';

declare module 'fastify' {
  interface FastifyRequest {
    /** W3C traceparent of this request, within the caller's trace if it sent one. */
    trace: string;
  }
}

/** Asked every few seconds by machines: their lines would drown the others. */
const UNLOGGED = new Set(['/health/live', '/health/ready', '/metrics']);

/** nginx's status for a client that left before the answer began. Nobody is sent it. */
const CLIENT_LEFT = 499;
/** Those that the metrics tell apart: Node takes three dozen, down to PROPFIND and M-SEARCH. */
const METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']);

/** What happens around every request: its id, its trace, security headers, one log line and one observation. */
export function registerHooks(app: NestFastifyApplication, metrics: Metrics): void {
  const fastify = app.getHttpAdapter().getInstance();
  const logger = new Logger('Http');

  const tellEnd = (request: FastifyRequest, reply: FastifyReply, elapsedMs: number): void => {
    // The pattern, not the path: a path holds ids.
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
    const status = reply.raw.headersSent ? reply.statusCode : CLIENT_LEFT;
    const method = METHODS.has(request.method) ? request.method : 'other';
    metrics.httpRequestDuration.observe({ route, method, code: String(status) }, elapsedMs / 1_000);
    if (UNLOGGED.has(route)) return;
    // Without query and headers: they may hold what users asked for, and secrets.
    const fields = { method: request.method, path: request.url.split('?', 1)[0], status };
    const times = { duration_ms: Math.round(elapsedMs * 10) / 10 };
    withLogContext(logFields(request), () => logger.log({ ...fields, ...times }, 'Request'));
  };

  fastify.decorateRequest('trace', '');
  fastify.addHook('onRequest', (request, reply, done) => {
    request.trace = continueTrace(header(request, 'traceparent'));
    void reply.header('x-request-id', request.id);
    const begun = performance.now();
    // Not Fastify's onResponse: it tells nothing of a client that left before the end, as those of a stream do.
    reply.raw.once('close', () => tellEnd(request, reply, performance.now() - begun));
    done();
  });
  // Here and not before: the events of the body's stream do not keep an asynchronous context.
  fastify.addHook('preHandler', (request, _reply, done) => {
    withLogContext(logFields(request), done);
  });
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    // A connection that were kept alive now would hold up the shutdown until the client is tired of it.
    if (!fastify.server.listening) void reply.header('connection', 'close');
    done();
  });
  // By itself and not as Fastify's plugin, which would make all of it anew for every request.
  const secure = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        // The documentation page brings inline styles and an inlined logo.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
  });
  fastify.addHook('onRequest', (request, reply, done) => secure(request.raw, reply.raw, () => done()));
}

function logFields(request: FastifyRequest): LogContext {
  const { id } = (request.params ?? {}) as { id?: string };
  return {
    request_id: request.id,
    trace_id: parseTraceparent(request.trace)?.traceId,
    ...(id !== undefined && isGenerationId(id) && { generation_id: id }),
  };
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}
