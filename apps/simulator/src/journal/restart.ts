import { Injectable } from '@nestjs/common';
import { Counters } from '../control/counters.js';
import { newRecord, type PredictionRecord } from '../predictions/prediction.js';
import { PredictionRuns } from '../predictions/prediction-runs.js';
import { PredictionStore } from '../predictions/prediction-store.js';
import { WebhookSender } from '../webhooks/webhook-sender.js';
import type { JournalEntry } from './journal-entry.js';

/** Takes up what a former process on the same folder left: nobody may notice more than that it was away. */
@Injectable()
export class Restart {
  readonly #running = new Map<string, PredictionRecord>();
  readonly #untold = new Map<string, PredictionRecord>();

  constructor(
    private readonly store: PredictionStore,
    private readonly counters: Counters,
    private readonly runs: PredictionRuns,
    private readonly webhooks: WebhookSender,
  ) {}

  /** Learns one entry of the journal, oldest first. */
  recall(entry: JournalEntry): void {
    switch (entry.type) {
      case 'refused':
        return this.counters.count('creates_received');
      case 'created':
        return this.#recallCreated(newRecord(entry.plan));
      case 'ended':
        return this.#recallEnded(entry);
      case 'told':
        this.#untold.delete(entry.id);
    }
  }

  /** Lets everything go on that had not come to its end: runs, and webhooks of the end. To be called once. */
  carryOn(): void {
    for (const record of this.#untold.values()) this.webhooks.send(record, 'completed');
    for (const record of this.#running.values()) this.runs.carryOn(record);
    this.#untold.clear();
    this.#running.clear();
  }

  #recallCreated(record: PredictionRecord): void {
    this.counters.count('creates_received');
    this.counters.countPrediction(record.model.id, record.input);
    this.store.add(record);
    this.#running.set(record.id, record);
  }

  #recallEnded({ id, status, startedAt, completedAt, error, files }: Extract<JournalEntry, { type: 'ended' }>): void {
    const record = this.#running.get(id);
    if (!record) return;
    this.#running.delete(id);
    Object.assign(record, { status, startedAt, completedAt, error, files });
    this.#untold.set(id, record);
  }
}
