import {
  fold,
  generationIdFrom,
  isTerminal,
  prepareGeneration,
  withImages,
  type Generation,
  type Lane,
} from '@darkroom/domain';
import {
  BUDGETS_BUCKET,
  CommandRunner,
  connectBroker,
  DISPATCHER_CONSUMER,
  EVENTS_STREAM,
  JetStreamEventStore,
  provision,
  SOURCES_BUCKET,
  StageHolds,
  WORK_STREAM,
  type Broker,
  type RecordedEvent,
} from '@darkroom/events';
import { Kvm } from '@nats-io/kv';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { startSimulator, type RunningSimulator } from '../../simulator/src/start.js';
import type { Role, WorkerConfig } from '../src/config.js';
import { startWorker, type Worker } from '../src/create-worker.js';
import { playGenerated } from './play-provider.js';

interface RequestOptions {
  readonly userId?: string;
  readonly lane?: Lane;
  /** LIMIT_CONCURRENT of that user. */
  readonly limit?: number | null;
  readonly maxAttempts?: number;
  readonly scheduledAt?: string | null;
  /** The client's. */
  readonly deadline?: string | null;
  /** Addresses of images, and what of our storage the gateway puts in their places. */
  readonly stored?: Readonly<Record<string, string>>;
}

export const ACK_WAIT_MS = 1_500;

/** A real broker and the simulator, and workers in this process on top of them. */
export class WorkerFixture {
  readonly workers: Worker[] = [];

  private constructor(
    readonly nats: TestNats,
    readonly broker: Broker,
    readonly simulator: RunningSimulator,
    readonly dir: string,
  ) {}

  static async start(): Promise<WorkerFixture> {
    const nats = await startNats();
    const broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1, ackWaitMs: ACK_WAIT_MS });
    const simulator = await startSimulator({ runMs: 100, createsPerMinute: 1_000_000 });
    return new WorkerFixture(nats, broker, simulator, await mkdtemp(join(tmpdir(), 'darkroom-worker-')));
  }

  async stop(): Promise<void> {
    await this.closeWorkers();
    await this.broker.close();
    await this.simulator.close();
    await this.nats.stop();
    await rm(this.dir, { recursive: true, force: true });
  }

  /** As if nothing had been before: the simulator and its files, what is held, and what the provider's limits allow. */
  async reset(): Promise<void> {
    this.simulator.control.reset();
    this.simulator.control.configure({ runMs: 100 });
    await (await StageHolds.open(this.broker)).resume('generate');
    const budgets = await new Kvm(this.broker.jetstream).open(BUDGETS_BUCKET);
    for (const name of ['creates', 'calls']) await budgets.delete(name);
    // The simulator has forgotten its files.
    const sources = await new Kvm(this.broker.jetstream).open(SOURCES_BUCKET);
    for await (const key of await sources.keys()) await sources.delete(key);
  }

  config(overrides: Partial<WorkerConfig> = {}): WorkerConfig {
    return {
      port: 0,
      host: '127.0.0.1',
      roles: ['dispatch', 'generate', 'download'] satisfies Role[],
      nats: { servers: [this.nats.url], replicas: 1, ackWaitMs: ACK_WAIT_MS },
      databaseUrl: 'postgres://nobody@127.0.0.1:1/none',
      storageUrl: `file:${join(this.dir, 'images')}`,
      replicate: {
        token: 'simulator',
        baseUrl: `${this.simulator.url}/v1`,
        createsPerMinute: 1_000_000,
        callsPerMinute: 1_000_000,
        webhookUrl: null,
      },
      concurrency: { generate: 50, download: 8 },
      generationTimeoutMs: 120_000,
      deadlineMarginMs: 500,
      retryBaseMs: 50,
      pauses: { outOfCreditMs: 60_000, brokenModelMs: 30_000 },
      sweep: { everyMs: 200, idleMs: 400 },
      allowPrivateUrls: true,
      keepImageMetadata: false,
      logLevel: 'silent',
      ...overrides,
    };
  }

  async startWorker(overrides: Partial<WorkerConfig> = {}): Promise<Worker> {
    const worker = await startWorker(this.config(overrides), (error) => {
      throw error;
    });
    this.workers.push(worker);
    await worker.begun;
    return worker;
  }

  async closeWorkers(): Promise<void> {
    await Promise.all(this.workers.splice(0).map((worker) => worker.close()));
  }

  get store(): JetStreamEventStore {
    return new JetStreamEventStore(this.broker);
  }

  get runner(): CommandRunner {
    return new CommandRunner(this.store, { source: '/darkroom/test' });
  }

  /** Asks for a generation as the gateway does. Answers its id. */
  async request(
    {
      prompt = 'a lighthouse',
      modelId = 'black-forest-labs/flux-schnell',
      ...image
    }: Record<string, unknown> & { prompt?: string; modelId?: string } = {},
    {
      userId = 'user-1',
      lane = 'normal',
      limit = null,
      maxAttempts = 3,
      scheduledAt = null,
      deadline = null,
      stored = {},
    }: RequestOptions = {},
  ): Promise<string> {
    const prepared = prepareGeneration({ prompt, model_id: modelId, ...image });
    if (!prepared.ok) throw new Error(JSON.stringify(prepared));
    const id = generationIdFrom(uuidv7());
    await this.runner.execute(id, {
      type: 'Request',
      commandId: uuidv7(),
      at: new Date().toISOString(),
      request: {
        user_id: userId,
        model_id: prepared.model.id,
        input: prepared.input,
        provider_input: withImages(prepared.model, prepared.providerInput, (address) => stored[address] ?? address),
        provider_version: prepared.providerVersion,
        priority: 0,
        lane,
        max_attempts: maxAttempts,
        scheduled_at: scheduledAt,
        deadline,
        concurrency_limit: limit,
        webhook: null,
        metadata: {},
        request_hash: 'hash',
        estimated_cost_usd: prepared.estimatedCostUsd,
        warnings: prepared.warnings,
        batch_id: null,
      },
    });
    return id;
  }

  /** A generation whose prediction has ended, with these outputs: to be downloaded. Answers its id. */
  async generated(outputs: readonly string[], options?: RequestOptions): Promise<string> {
    const id = await this.request({}, options);
    await playGenerated(this.runner, id, outputs);
    return id;
  }

  async cancel(id: string): Promise<void> {
    const outcome = await this.runner.execute(id, {
      type: 'Cancel',
      commandId: uuidv7(),
      at: new Date().toISOString(),
      by: 'user-1',
      reason: null,
    });
    if (outcome.kind !== 'done') throw new Error(outcome.rejection.message);
  }

  async events(id: string): Promise<readonly RecordedEvent[]> {
    return (await this.store.load(id)).events;
  }

  async types(id: string): Promise<string[]> {
    return (await this.events(id)).map((event) => event.type);
  }

  async state(id: string): Promise<Generation> {
    return fold(await this.events(id))!;
  }

  until(id: string, condition: (state: Generation) => boolean, timeoutMs = 20_000): Promise<Generation> {
    return eventually(
      async () => {
        const state = await this.state(id);
        if (!condition(state)) {
          const types = (await this.types(id)).join(', ');
          throw new Error(`${id} is ${state.status}: ${types}; ${state.error?.message}`);
        }
        return state;
      },
      { timeoutMs, what: `generation ${id}` },
    );
  }

  ended(id: string, timeoutMs?: number): Promise<Generation> {
    return this.until(id, (state) => isTerminal(state.status), timeoutMs);
  }

  /** Every fact has become work. */
  dispatched(): Promise<boolean> {
    const facts = () => this.broker.manager.consumers.info(EVENTS_STREAM, DISPATCHER_CONSUMER);
    const none = async (): Promise<boolean> => {
      const { num_pending, num_ack_pending } = await facts();
      return num_pending + num_ack_pending === 0;
    };
    return eventually(none, { what: 'every fact to be dispatched' });
  }

  /** Every fact has been dispatched, and there is no work left but for what is scheduled. */
  queueIsEmpty(timeoutMs?: number): Promise<boolean> {
    const { consumers, streams } = this.broker.manager;
    const empty = async (): Promise<boolean> => {
      const facts = await consumers.info(EVENTS_STREAM, DISPATCHER_CONSUMER);
      const { state } = await streams.info(WORK_STREAM, { subjects_filter: 'work.>' });
      return facts.num_pending + facts.num_ack_pending + Object.keys(state.subjects ?? {}).length === 0;
    };
    return eventually(empty, { what: 'an empty work queue', timeoutMs });
  }
}
