import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { AppError } from '../errors/app-error.js';
import { PROBLEM_JSON, problemOf } from '../errors/problem.js';
import { LONGEST_WAIT_SECONDS } from '../rest/prefer.js';
import { requestIdOf } from './request-id.js';

/** Bytes of a JSON body. */
const BODY_LIMIT = 1024 * 1024;

/** Milliseconds. Together they end a client that sends its request a byte at a time. */
export const TIMEOUTS = {
  /** Silence of a socket. Longer than the longest wait that a client may ask for. */
  connectionTimeout: (LONGEST_WAIT_SECONDS + 30) * 1_000,
  /** For the whole request to arrive: 10 MB over a slow line. */
  requestTimeout: 60_000,
  /** Between requests; longer than the idle time of the usual load balancers (60 s), which must be first to close. */
  keepAliveTimeout: 65_000,
  headersTimeout: 10_000,
  /** How often Node looks whether a time-out has passed. */
  connectionsCheckingInterval: 2_000,
};

export function createAdapter(limits: typeof TIMEOUTS = TIMEOUTS): FastifyAdapter {
  const { headersTimeout, connectionsCheckingInterval, ...timeouts } = limits;
  return new FastifyAdapter({
    ...timeouts,
    http: { headersTimeout, connectionsCheckingInterval },
    bodyLimit: BODY_LIMIT,
    requestIdHeader: false,
    genReqId: (request: IncomingMessage) => requestIdOf(request.headers),
    forceCloseConnections: 'idle',
    clientErrorHandler,
    frameworkErrors,
  });
}

/** A path that cannot be decoded belongs to no route, and so to no exception filter. */
function frameworkErrors(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(new AppError('bad_request', error.message), request.id);
  void reply.status(problem.status).header('x-request-id', request.id).type(PROBLEM_JSON).send(problem);
}

/** What is no HTTP at all, or does not arrive in time, never reaches a route: it is answered on the socket. */
function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
  const problem = problemOf(new AppError('bad_request', STATUS_CODES[status] ?? ''), requestIdOf({}));
  const body = JSON.stringify({ ...problem, status });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${PROBLEM_JSON}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
