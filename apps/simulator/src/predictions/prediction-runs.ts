import { randomBytes, randomInt } from 'node:crypto';
import type { Model, Pixels } from '@darkroom/domain';
import { Injectable } from '@nestjs/common';
import { FaultScript } from '../control/fault-script.js';
import { fileNamesOf } from '../files/picture.js';
import { Journal } from '../journal/journal.js';
import { Lifetime } from '../lifetime.js';
import { SimulatorSettings } from '../settings.js';
import type { ReplicateWebhookEvent } from '../webhooks/webhook-events.js';
import { WebhookSender } from '../webhooks/webhook-sender.js';
import { newRecord, type PredictionPlan, type PredictionRecord, promptOf } from './prediction.js';
import { PredictionStore } from './prediction-store.js';
import { logTimes } from './run-log.js';
import { runSteps, type RunStep, runTimes } from './run-steps.js';

export interface NewPrediction {
  readonly model: Model;
  readonly input: Readonly<Record<string, unknown>>;
  readonly sourceSize: Pixels | undefined;
  readonly cancelAfterMs: number | undefined;
  readonly webhook: string | undefined;
  readonly webhookEvents: readonly ReplicateWebhookEvent[];
}

const ID_CHARACTERS = '0123456789abcdefghijklmnopqrstuvwxyz';

type EndStep = Extract<RunStep, { kind: 'end' }>;

/** Leads every prediction from `starting` through `processing` to its end. */
@Injectable()
export class PredictionRuns {
  /** What is due before this happened while no simulator ran. */
  readonly #upSince = new Date();
  readonly #live = new Map<string, AbortController>();

  constructor(
    private readonly settings: SimulatorSettings,
    private readonly store: PredictionStore,
    private readonly faults: FaultScript,
    private readonly webhooks: WebhookSender,
    private readonly lifetime: Lifetime,
    private readonly journal: Journal,
  ) {}

  /** @throws Error when the journal cannot be written; there is no prediction then */
  start({ cancelAfterMs, ...wanted }: NewPrediction): PredictionRecord {
    const { model, input } = wanted;
    const createdAt = new Date();
    const subject = { model: model.id, prompt: promptOf(input) };
    const fault = this.faults.take('run', subject);
    const listed = this.faults.take('listed', subject);
    const after = (ms: number) => new Date(createdAt.getTime() + ms);
    const plan: PredictionPlan = {
      ...wanted,
      id: newId(),
      seed: typeof input['seed'] === 'number' ? input['seed'] : randomInt(2 ** 31),
      createdAt,
      deadline: cancelAfterMs === undefined ? undefined : after(cancelAfterMs),
      losesWebhooks: this.faults.take('webhook', subject) && true,
      listedAt: listed && after(listed.ms),
      runMs: fault?.kind === 'run_time' ? fault.ms : this.settings.runMs,
      fault,
    };
    this.journal.append({ type: 'created', plan });
    const record = newRecord(plan);
    this.store.add(record);
    this.carryOn(record);
    return record;
  }

  /** Lets a prediction that has not ended go its way; what is due already happens at once. */
  carryOn(record: PredictionRecord): void {
    const run = new AbortController();
    this.#live.set(record.id, run);
    this.lifetime.run(() => this.#run(record, run.signal));
  }

  /** Ends a live prediction as canceled; an ended one stays as it was. */
  cancel(record: PredictionRecord): void {
    this.#end(record, { status: 'canceled', at: new Date(), error: null, hasOutput: false });
  }

  /** Forgets all predictions, running ones too. */
  clear(): void {
    this.journal.clear();
    for (const run of this.#live.values()) run.abort();
    this.#live.clear();
    this.store.clear();
  }

  async #run(record: PredictionRecord, signal: AbortSignal): Promise<void> {
    for (const step of runSteps(record)) {
      await this.#until(step.at, signal);
      if (step.kind === 'begin') this.#begin(record, step.at, signal);
      else if (step.kind === 'turn') record.status = step.status;
      else this.#end(record, step);
    }
  }

  #begin(record: PredictionRecord, at: Date, signal: AbortSignal): void {
    record.status = 'processing';
    record.startedAt = at;
    if (at >= this.#upSince) this.webhooks.send(record, 'start');
    if (record.webhookEvents.includes('logs')) this.lifetime.run(() => this.#tellOfLogs(record, signal));
  }

  /** Of each line but the last, which comes with the end. */
  async #tellOfLogs(record: PredictionRecord, signal: AbortSignal): Promise<void> {
    const { end } = runTimes(record);
    for (const at of logTimes(record).filter((time) => time >= this.#upSince && time < end)) {
      await this.#until(at, signal);
      this.webhooks.send(record, 'logs');
    }
  }

  #end(record: PredictionRecord, { at, status, error, hasOutput }: Omit<EndStep, 'kind'>): void {
    const run = this.#live.get(record.id);
    if (!run) return;
    const { id, startedAt } = record;
    const files = hasOutput ? fileNamesOf(record) : null;
    this.journal.append({ type: 'ended', id, status, startedAt, completedAt: at, error, files });
    this.#live.delete(id);
    run.abort();
    record.files = files;
    if (hasOutput) for (const event of ['logs', 'output'] as const) this.webhooks.send(record, event);
    record.status = status;
    record.error = error;
    record.completedAt = at;
    this.webhooks.send(record, 'completed');
  }

  /** What was due while no simulator ran is not waited for: it has happened before the first request is answered. */
  async #until(time: Date, signal: AbortSignal): Promise<void> {
    if (time < this.#upSince) return;
    // Once at least, so that a create is answered first; again when a timer fires a part of a millisecond early.
    do await this.lifetime.wait(Math.max(0, time.getTime() - Date.now()), signal);
    while (Date.now() < time.getTime());
  }
}

/** 26 letters and digits, as Replicate's. */
function newId(): string {
  let id = '';
  for (const byte of randomBytes(26)) id += ID_CHARACTERS[byte % 36]!;
  return id;
}
