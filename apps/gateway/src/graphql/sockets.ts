import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { GraphQLError } from 'graphql';
import { handleProtocols, makeServer, type Context, type Server } from 'graphql-ws';
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocketServer, type WebSocket } from 'ws';
import { Authenticator } from '../auth/authenticator.js';
import { credentialSignal } from '../auth/credential-signal.js';
import { AppError } from '../errors/app-error.js';
import { asAppError } from '../errors/problem.js';
import type { StreamTiming } from '../live/event-stream.js';
import { TIMING } from '../rest/events.controller.js';
import type { GraphqlContext } from './context.js';
import { formatError } from './errors.js';
import { prepareOperation } from './operation.js';
import { GRAPHQL_PATH } from './schema.js';
import { SocketConnection } from './socket-connection.js';

/** Bytes of a message: a request with long texts. */
const LONGEST_MESSAGE = 128 * 1024;

/** Operations of one connection at a time, subscriptions included. */
const MOST_OPERATIONS = 100;

/** Milliseconds from the opening of a connection to its `connection_init`. */
const INIT_TIMEOUT_MS = 5_000;

/** Milliseconds that a client has to answer the closing at shutdown. */
const CLOSING_MS = 500;

/** Of RFC 6455, section 7.4, and of the protocol graphql-transport-ws. */
const CLOSE = { goingAway: 1001, internal: 1011, tryAgainLater: 1013, badRequest: 4400, forbidden: 4403 } as const;

type SocketContext = Context<Record<string, unknown>, SocketConnection>;

/**
 * Operations over WebSocket, subscriptions among them: the protocol graphql-transport-ws at the path of HTTP. Who asks is
 * told once, in `connection_init`; a connection does not outlive its credential.
 */
@Injectable()
export class GraphqlSockets implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger('GraphQL');
  readonly #sockets = new WebSocketServer({
    noServer: true,
    path: GRAPHQL_PATH,
    maxPayload: LONGEST_MESSAGE,
    handleProtocols,
  });
  readonly #protocol: Server<SocketConnection> = makeServer<Record<string, unknown>, SocketConnection>({
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    onConnect: (context) => this.#admit(context),
    onSubscribe: ({ extra, subscriptions }, _id, payload) => {
      if (Object.keys(subscriptions).length > MOST_OPERATIONS) {
        const message = `A connection carries at most ${MOST_OPERATIONS} operations at a time`;
        return [new GraphQLError(message, { originalError: new AppError('bad_request', message) })];
      }
      return prepareOperation(this.schema.schema, payload, contextOf(extra));
    },
    onNext: (_context, _id, _payload, _args, { errors, ...result }) => ({
      ...result,
      ...(errors && { errors: errors.map(formatError) }),
    }),
    onError: (_context, _id, _payload, errors) => errors.map(formatError),
  });

  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly schema: GraphQLSchemaHost,
    private readonly authenticator: Authenticator,
    @Inject(TIMING) private readonly timing: StreamTiming,
  ) {}

  onApplicationBootstrap(): void {
    this.#server.on('upgrade', this.#upgrade);
  }

  /** Before the server stops, which would wait for them. */
  async onModuleDestroy(): Promise<void> {
    this.#server.off('upgrade', this.#upgrade);
    const open = [...this.#sockets.clients];
    const closed = Promise.all(open.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    for (const socket of open) socket.close(CLOSE.goingAway, 'Going away');
    await Promise.race([closed, delay(CLOSING_MS, undefined, { ref: false })]);
    for (const socket of open) socket.terminate();
    await closed;
  }

  get #server(): HttpServer {
    return this.adapter.httpAdapter.getHttpServer() as HttpServer;
  }

  readonly #upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    this.#sockets.handleUpgrade(request, stream, head, (socket) => this.#open(socket, request));
  };

  #open(socket: WebSocket, request: IncomingMessage): void {
    const connection = new SocketConnection(socket, request.headers, this.timing);
    connection.serve(this.#protocol, (error) => {
      const { code } = asAppError(error);
      if (code === 'unavailable') return socket.close(CLOSE.tryAgainLater);
      // A type that only servers send: graphql-ws throws, and a client must not fill our log.
      if (error instanceof Error && error.message.startsWith('Unexpected message'))
        return socket.close(CLOSE.badRequest);
      this.#logger.error({ err: error }, 'A message could not be handled');
      socket.close(CLOSE.internal);
    });
  }

  /** @returns whether the connection may go on: else it is closed as forbidden */
  async #admit({ connectionParams, extra }: SocketContext): Promise<boolean> {
    const authorization = connectionParams?.authorization;
    try {
      extra.principal = await this.authenticator.authenticate(
        typeof authorization === 'string' ? authorization : undefined,
      );
    } catch (error) {
      if (asAppError(error).code === 'unauthenticated') return false;
      throw error;
    }
    const expired = credentialSignal(extra.principal, extra.closed);
    const close = () => extra.close(CLOSE.forbidden, 'Forbidden');
    if (expired.aborted) close();
    expired.addEventListener('abort', close, { once: true });
    return true;
  }
}

function contextOf({ principal, requestId, trace }: SocketConnection): GraphqlContext {
  if (!principal) throw new Error('A connection that was not admitted has no operations');
  return { principal, requestId, trace };
}
