import { randomBytes, randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { FaultScript } from '../control/fault-script.js';
import type { RunFault } from '../control/fault.schema.js';
import { sizeOf } from '../files/image-size.js';
import { Lifetime } from '../lifetime.js';
import type { SimulatedModel } from '../models/simulated-model.js';
import { SimulatorSettings } from '../settings.js';
import { type ReplicateWebhookEvent, WebhookSender } from '../webhooks/webhook-sender.js';
import { type PredictionRecord, promptOf } from './prediction.js';
import { PredictionStore } from './prediction-store.js';

export interface NewPrediction {
  readonly model: SimulatedModel;
  readonly input: Readonly<Record<string, unknown>>;
  readonly cancelAfterMs: number | undefined;
  readonly webhook: string | undefined;
  readonly webhookEvents: readonly ReplicateWebhookEvent[];
}

const PROGRESS_STEPS = 4;

/** The part of a run that is spent in `starting`. */
const STARTING_SHARE = 0.2;

/** Above this side length a model runs out of memory. */
const LARGEST_SIDE = 4_096;

/** Leads every prediction from `starting` through `processing` to its end. */
@Injectable()
export class PredictionRuns {
  readonly #live = new Map<string, AbortController>();

  constructor(
    private readonly settings: SimulatorSettings,
    private readonly store: PredictionStore,
    private readonly faults: FaultScript,
    private readonly webhooks: WebhookSender,
    private readonly lifetime: Lifetime,
  ) {}

  start({ model, input, cancelAfterMs, webhook, webhookEvents }: NewPrediction): PredictionRecord {
    const createdAt = new Date();
    const seed = typeof input['seed'] === 'number' ? input['seed'] : randomInt(2 ** 31);
    const record: PredictionRecord = {
      id: newId(),
      model,
      input,
      seed,
      createdAt,
      deadline: cancelAfterMs === undefined ? undefined : new Date(createdAt.getTime() + cancelAfterMs),
      webhook,
      webhookEvents: new Set(webhookEvents),
      status: 'starting',
      startedAt: undefined,
      completedAt: undefined,
      error: null,
      logs: '',
      files: null,
    };
    this.store.add(record);
    const fault = this.faults.take('run', { model: model.id, prompt: promptOf(input) });
    const run = new AbortController();
    this.#live.set(record.id, run);
    this.lifetime.run(() => this.#run(record, fault, run.signal));
    const keepsDeadline = !(fault?.kind === 'run_never_finishes' && fault.ignores_deadline);
    if (cancelAfterMs !== undefined && keepsDeadline) {
      this.lifetime.run(() => this.#endAtDeadline(record, cancelAfterMs, run.signal));
    }
    return record;
  }

  /** Ends a live prediction as canceled; an ended one stays as it was. */
  cancel(record: PredictionRecord): void {
    this.#end(record, 'canceled');
  }

  /** Forgets all predictions, running ones too. */
  clear(): void {
    for (const run of this.#live.values()) run.abort();
    this.#live.clear();
    this.store.clear();
  }

  async #run(record: PredictionRecord, fault: RunFault | undefined, signal: AbortSignal): Promise<void> {
    const runMs = fault?.kind === 'run_time' ? fault.ms : this.settings.runMs;
    await this.lifetime.wait(runMs * STARTING_SHARE, signal);
    if (fault?.kind === 'run_aborted') return this.#end(record, 'aborted');
    this.#begin(record);
    if (fault?.kind === 'run_never_finishes') return;
    for (let step = 1; step <= PROGRESS_STEPS; step += 1) {
      await this.lifetime.wait((runMs * (1 - STARTING_SHARE)) / PROGRESS_STEPS, signal);
      this.#progress(record, step);
    }
    this.#finish(record, fault);
  }

  async #endAtDeadline(record: PredictionRecord, ms: number, signal: AbortSignal): Promise<void> {
    await this.lifetime.wait(ms, signal);
    this.#end(record, record.status === 'starting' ? 'aborted' : 'canceled');
  }

  #begin(record: PredictionRecord): void {
    record.status = 'processing';
    record.startedAt = new Date();
    record.logs = `Using seed: ${record.seed}\n`;
    this.webhooks.send(record, 'start');
  }

  #progress(record: PredictionRecord, step: number): void {
    const percent = (step * 100) / PROGRESS_STEPS;
    const bar = '█'.repeat(step * 2).padEnd(PROGRESS_STEPS * 2);
    record.logs += `${String(percent).padStart(3)}%|${bar}| ${step}/${PROGRESS_STEPS}\n`;
    this.webhooks.send(record, 'logs');
  }

  #finish(record: PredictionRecord, fault: RunFault | undefined): void {
    const { width, height } = sizeOf(record.model, record.input);
    if (fault?.kind === 'run_failure') return this.#end(record, 'failed', fault.error);
    if (Math.max(width, height) > LARGEST_SIDE) return this.#end(record, 'failed', 'CUDA out of memory');
    if (fault?.kind === 'run_unknown_status') {
      if (fault.terminal) this.#end(record, fault.status);
      else record.status = fault.status;
      return;
    }
    if (fault?.kind !== 'run_null_output') {
      record.files = filesOf(record);
      this.webhooks.send(record, 'output');
    }
    this.#end(record, 'succeeded');
  }

  #end(record: PredictionRecord, status: string, error: string | null = null): void {
    const run = this.#live.get(record.id);
    if (!run) return;
    this.#live.delete(record.id);
    record.status = status;
    record.error = error;
    record.completedAt = new Date();
    run.abort();
    // Replicate may send no webhook of an aborted prediction: the simulator never does.
    if (status !== 'aborted') this.webhooks.send(record, 'completed');
  }
}

function filesOf({ model, input }: PredictionRecord): string[] {
  const count = typeof input['num_outputs'] === 'number' ? input['num_outputs'] : 1;
  const format = typeof input['output_format'] === 'string' ? input['output_format'] : model.defaultFormat;
  return Array.from({ length: count }, (_, index) => `out-${index}.${format}`);
}

/** 26 letters and digits, as Replicate's. */
function newId(): string {
  return Array.from(randomBytes(26), (byte) => (byte % 36).toString(36)).join('');
}
