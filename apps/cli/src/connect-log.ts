import { connectBroker, type Broker } from '@darkroom/events';
import type { CliConfig } from './config.js';

/** An operator waits at the terminal: what is away is told, not waited for. Milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/** @throws Error when no server answers in time; the reason of `signal` */
export async function connectLog({ nats }: CliConfig, signal: AbortSignal): Promise<Broker> {
  const timeout = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  try {
    return await connectBroker({ ...nats, name: 'darkroom-cli', signal: AbortSignal.any([signal, timeout]) });
  } catch (error) {
    signal.throwIfAborted();
    if (!timeout.aborted) throw error;
    const servers = nats.servers.map((server) => new URL(server).host).join(', ');
    throw new Error(`NATS does not answer at ${servers} within ${CONNECT_TIMEOUT_MS / 1_000} s.`, { cause: error });
  }
}
