import type { Client, ExecutionResult, SubscribePayload } from 'graphql-ws';
import { WebSocket } from 'ws';
import { eventually } from '../../../test/support/eventually.js';
import { tokenFor, type TestGateway } from './gateway-fixture.js';
import { GENERATION, socketUrl } from './graphql.js';

/** Short enough for tests that wait for them. */
export const TIMING = { heartbeatMs: 200, stallMs: 1_000 };

export const UPDATED = `
  subscription ($id: ID!, $after: SafeInt) { generationUpdated(id: $id, after: $after) { ...everything } } ${GENERATION}`;

export const ALL_UPDATED = 'subscription { generationsUpdated { id version status } }';

/** A generation, of which a test asks this much. */
export interface View {
  readonly id: string;
  readonly version: number;
  readonly position: number;
}

type Answer = ExecutionResult<Record<string, View>, unknown>;

/** Runs an operation; `answers` grows until `ended`, which tells why when it is not by completion. */
export function run(client: Client, payload: SubscribePayload) {
  const answers: Answer[] = [];
  let leave = (): void => undefined;
  const ended = new Promise<unknown>((resolve) => {
    leave = client.subscribe<Record<string, View>>(payload, {
      next: (answer) => answers.push(answer as Answer),
      error: resolve,
      complete: () => resolve(null),
    });
  });
  const views = () => answers.map(({ data }) => Object.values(data ?? {})[0]!);
  const versions = () => views().map(({ version }) => version);
  const codes = () => answers.flatMap(({ errors = [] }) => errors.map(({ extensions }) => extensions?.code));
  return { answers, views, versions, codes, ended, leave: () => leave() };
}

export const follow = (client: Client, id: string, after: number | null = null) =>
  run(client, { query: UPDATED, variables: { id, after } });

/** A client that speaks the protocol by hand, as alice; without credentials it has not said who it is. */
export async function rawSocket(gateway: TestGateway, credentials = true) {
  const socket = new WebSocket(socketUrl(gateway), 'graphql-transport-ws');
  const messages: { type: string; id?: string; payload?: unknown }[] = [];
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as (typeof messages)[0]));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const send = (message: object) => socket.send(JSON.stringify(message));
  if (credentials) {
    send({ type: 'connection_init', payload: { authorization: `Bearer ${await tokenFor('alice')}` } });
    await eventually(() => messages.some(({ type }) => type === 'connection_ack'));
  }
  return { socket, messages, closed, send };
}

/** How many wait for changes. */
export async function listeners(gateway: TestGateway): Promise<number> {
  const lines = (await gateway.send('/metrics', { user: null })).bytes.toString().split('\n');
  return Number(lines.find((line) => line.startsWith('darkroom_live_subscribers '))?.split(' ')[1] ?? 0);
}

/** Asks for a generation by REST. */
export async function requestBy(gateway: TestGateway, user = 'alice', prompt = 'x'): Promise<View> {
  return (await gateway.send('/v1/generations', { user, json: { prompt } })).json as View;
}
