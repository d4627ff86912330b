import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { AuthorizationError, connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { EventStoreError } from './event-store.js';

/** Oldest server that has message schedules, atomic batches and batched direct get. */
const OLDEST_SERVER = [2, 12] as const;

/** Pause between tries to reach the server. Milliseconds. */
const RECONNECT_MS = 250;

/** Longest wait for an answer of the broker. Milliseconds. A durable append takes about 1. */
export const REQUEST_TIMEOUT_MS = 3_000;

export interface BrokerOptions {
  readonly servers: readonly string[];
  /** Path of a credentials file. */
  readonly credentials?: string | undefined;
  /** Shown in the server's monitoring, e.g. `darkroom-gateway`. */
  readonly name: string;
  readonly onStatus?: (line: string) => void;
  /** Ends the wait for a server that is not there. */
  readonly signal?: AbortSignal;
}

/** The connection to NATS, and whether it stands at this moment. */
export interface Broker {
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly connected: boolean;
  /**
   * Call before every publish that must not be kept for later: what is published while the connection is down could
   * otherwise still be sent after its sender was told that it failed.
   * @throws EventStoreError `unavailable`
   */
  assertConnected(): void;
  /** Flushes and closes. */
  close(): Promise<void>;
}

/**
 * Connects, waiting for the server as long as it takes, and reconnects for ever.
 * @throws Error when the server is too old or has no JetStream; the reason of `signal` when that aborts
 */
export async function connectBroker(options: BrokerOptions): Promise<Broker> {
  const tell = options.onStatus ?? (() => undefined);
  const connection = await connectFirst(options);
  try {
    checkServer(connection);
  } catch (error) {
    await connection.close();
    throw error;
  }
  const manager = await jetstreamManager(connection, { timeout: REQUEST_TIMEOUT_MS, checkAPI: false });
  const broker = new ConnectedBroker(connection, jetstream(connection, { timeout: REQUEST_TIMEOUT_MS }), manager);
  void broker.watch(tell);
  return broker;
}

/** The client can wait for a server by itself, but then nothing can end the wait: so each try is one of ours. */
async function connectFirst(options: BrokerOptions): Promise<NatsConnection> {
  const { servers, name, credentials, signal, onStatus } = options;
  const authenticator = credentials ? credsAuthenticator(await readFile(credentials)) : undefined;
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted();
    try {
      const connecting = connect({
        servers: [...servers],
        name,
        authenticator,
        maxReconnectAttempts: -1,
        reconnectTimeWait: RECONNECT_MS,
        pingInterval: 10_000,
        // The client would otherwise make two errors with their stacks for every request, in case it fails.
        noAsyncTraces: true,
      });
      return await unlessAborted(connecting, signal);
    } catch (error) {
      signal?.throwIfAborted();
      // Waiting mends a server, or a name, that is not there yet; it does not mend a wrong credential.
      if (error instanceof AuthorizationError) throw error;
      if (tries === 1) onStatus?.(`NATS: waiting for ${servers.join(', ')} (${(error as Error).message})`);
      await delay(RECONNECT_MS, undefined, { signal });
    }
  }
}

/** A server that takes connections and then says nothing is given 20 s by the client, which whoever ends has not. */
async function unlessAborted(connecting: Promise<NatsConnection>, signal?: AbortSignal): Promise<NatsConnection> {
  if (!signal) return connecting;
  const watching = new AbortController();
  const aborted = once(signal, 'abort', { signal: watching.signal }).then(() => {
    void connecting.then(
      (connection) => connection.close(),
      () => undefined,
    );
    throw signal.reason;
  });
  aborted.catch(() => undefined);
  try {
    return await Promise.race([connecting, aborted]);
  } finally {
    watching.abort();
  }
}

function checkServer(connection: NatsConnection): void {
  const { info } = connection;
  if (!isServerAtLeast(connection, OLDEST_SERVER)) {
    throw new Error(
      `nats-server ${info?.version ?? '?'} is too old: Darkroom needs ${OLDEST_SERVER.join('.')} or later`,
    );
  }
  if (!info?.jetstream) throw new Error('This nats-server runs without JetStream: start it with JetStream enabled');
}

/** By the version of the server that the connection is to now, or was last. */
export function isServerAtLeast({ info }: Pick<NatsConnection, 'info'>, oldest: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = (info?.version ?? '').split('.').map(Number);
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}

class ConnectedBroker implements Broker {
  #connected = true;

  constructor(
    readonly connection: NatsConnection,
    readonly jetstream: JetStreamClient,
    readonly manager: JetStreamManager,
  ) {}

  get connected(): boolean {
    return this.#connected && !this.connection.isClosed();
  }

  assertConnected(): void {
    if (!this.connected) throw new EventStoreError('unavailable', 'There is no connection to NATS');
  }

  async close(): Promise<void> {
    if (this.connection.isClosed()) return;
    // A drain waits for the server; without one there is nothing to wait for.
    await (this.connected ? this.connection.drain() : this.connection.close());
  }

  async watch(tell: (line: string) => void): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') {
        this.#connected = false;
        tell(`NATS: disconnected from ${status.server}`);
      } else if (status.type === 'reconnect') {
        this.#connected = true;
        tell(`NATS: connected again to ${status.server}`);
      } else if (status.type === 'error') {
        tell(`NATS: ${status.error.message}`);
      }
    }
    this.#connected = false;
  }
}
