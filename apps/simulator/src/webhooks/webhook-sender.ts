import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Webhook } from 'standardwebhooks';
import { Journal } from '../journal/journal.js';
import { Lifetime } from '../lifetime.js';
import { type PredictionRecord, viewOf } from '../predictions/prediction.js';
import { SimulatorSettings } from '../settings.js';
import type { ReplicateWebhookEvent } from './webhook-events.js';

/** Replicate sends `output` and `logs` at most this often. */
const THROTTLE_MS = 500;

/** Replicate's last repetition comes about a minute after completion. */
const LAST_RETRY_MS = 60_000;
const ATTEMPT_TIMEOUT_MS = 10_000;

/** Tells the webhook of a prediction of its changes, signed as Replicate signs. HTTP is allowed here, for local stacks. */
@Injectable()
export class WebhookSender {
  readonly #lastSent = new WeakMap<PredictionRecord, Map<ReplicateWebhookEvent, number>>();

  constructor(
    private readonly settings: SimulatorSettings,
    private readonly lifetime: Lifetime,
    private readonly journal: Journal,
  ) {}

  /** Sends the prediction as it is now, in the background; of the end, until it is taken or given up after a minute. */
  send(record: PredictionRecord, event: ReplicateWebhookEvent): void {
    const { webhook } = record;
    if (webhook === undefined || record.losesWebhooks || !record.webhookEvents.includes(event)) return;
    // Replicate may send no webhook of an aborted prediction: the simulator never does.
    if (record.status === 'aborted' || this.#isThrottled(record, event)) return;
    const { publicUrl, fileTtlMs } = this.settings;
    const body = JSON.stringify(viewOf(record, { publicUrl, fileTtlMs, now: new Date() }));
    if (event !== 'completed') this.lifetime.run(() => this.#once(webhook, body));
    else this.lifetime.run(() => this.#deliver(webhook, { id: record.id, body }));
  }

  #isThrottled(record: PredictionRecord, event: ReplicateWebhookEvent): boolean {
    if (event === 'start' || event === 'completed') return false;
    const sent = this.#lastSent.get(record) ?? new Map<ReplicateWebhookEvent, number>();
    this.#lastSent.set(record, sent);
    const now = Date.now();
    if (now - (sent.get(event) ?? 0) < THROTTLE_MS) return true;
    sent.set(event, now);
    return false;
  }

  async #deliver(url: string, { id, body }: { id: string; body: string }): Promise<void> {
    // After a restart the same message has the same id.
    const messageId = `msg_${id}`;
    let wait = this.settings.webhookRetryMs;
    for (let waited = 0; !(await this.#attempt(url, body, messageId)); wait *= 2) {
      if (waited + wait > LAST_RETRY_MS) break;
      await this.lifetime.wait(wait);
      waited += wait;
    }
    this.journal.append({ type: 'told', id });
  }

  async #once(url: string, body: string): Promise<void> {
    await this.#attempt(url, body, `msg_${randomUUID()}`);
  }

  /** True when the receiver took it. Redirects are not followed. */
  async #attempt(url: string, body: string, id: string): Promise<boolean> {
    const now = new Date();
    const limit = AbortSignal.any([this.lifetime.signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)]);
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        signal: limit,
        body,
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
          'webhook-signature': new Webhook(this.settings.webhookSecret).sign(id, now, body),
        },
      });
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }
}
