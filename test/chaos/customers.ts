import { isTerminal } from '@darkroom/domain';
import { setTimeout as delay } from 'node:timers/promises';
import { tokenOf } from '../system/client.js';
import type { ChaosSystem } from './chaos-system.js';
import type { Accepted } from './check/evidence.js';
import type { LogCopy } from './log-copy.js';
import type { Order } from './mix.js';
import type { SourceImages } from './source-images.js';

/** Longest wait for one answer. Milliseconds. */
const PATIENCE_MS = 5_000;
const LOOK_MS = 250;

/** Between two tries of one request. Milliseconds. */
const LONGEST_PAUSE_MS = 3_000;

export interface Counters {
  accepted: number;
  /** Requests that were given up without a 202: those without a key whose answer was lost or a refusal. */
  refused: number;
  /** Tries that brought no answer, or one of 5xx. */
  repeated: number;
  /** Answers that no client should ever get. */
  readonly strange: string[];
}

interface Answer {
  readonly status: number;
  readonly json: { readonly id?: string; readonly status?: string; readonly code?: string };
}

/** The clients of a run: good ones, that repeat with the same key what was not answered. */
export class Customers {
  readonly counters: Counters = { accepted: 0, refused: 0, repeated: 0, strange: [] };
  readonly #accepted = new Map<string, { id: string; prompt: string; cancelled: boolean; redriven: number }>();

  constructor(
    private readonly system: ChaosSystem,
    private readonly log: LogCopy,
    private readonly sources: SourceImages,
    /** Ends what still waits. */
    private readonly signal: AbortSignal,
  ) {}

  get accepted(): readonly Accepted[] {
    return [...this.#accepted.values()];
  }

  /** Does all that is ordered, each at its time from now on. Resolves when nobody wants anything any more. */
  async carryOutAll(orders: readonly Order[]): Promise<void> {
    const start = Date.now();
    await Promise.all(
      orders.map(async (order) => {
        await this.#pause(start + order.at - Date.now());
        if (!this.signal.aborted) await this.#carryOut(order);
      }),
    );
  }

  async #carryOut(order: Order): Promise<void> {
    await this.system.script(order.faults);
    const token = await tokenOf(order.user);
    const body = {
      ...order.body,
      ...(order.source && { source_image_url: this.sources.urlOf(order.source, String(order.index)) }),
      ...(order.scheduledIn !== null && { scheduled_at: new Date(Date.now() + order.scheduledIn).toISOString() }),
    };
    const request = () => this.#post(order, token, '/v1/generations', body, order.key);
    const answer = await request();
    const id = answer?.status === 202 ? answer.json.id : undefined;
    if (id === undefined) {
      this.counters.refused += 1;
      if (answer && answer.status < 500) this.#isStrange(order, 'a request', answer);
      return;
    }
    this.counters.accepted += 1;
    const known = { id, prompt: order.body.prompt, cancelled: false, redriven: 0 };
    this.#accepted.set(id, known);
    await Promise.all([
      order.asksAgain ? this.#askAgain(order, id, request) : undefined,
      ...order.cancels.map(async (after) => {
        await this.#pause(after);
        known.cancelled = (await this.#cancel(order, token, id)) || known.cancelled;
      }),
      this.#redrive(order, token, known),
    ]);
  }

  async #askAgain(order: Order, id: string, request: () => Promise<Answer | null>): Promise<void> {
    const again = await request();
    if (again && again.status < 500 && again.json.id !== id) this.#isStrange(order, `a repetition of ${id}`, again);
  }

  async #cancel(order: Order, token: string, id: string): Promise<boolean> {
    const answer = await this.#post(order, token, `/v1/generations/${id}/cancel`, undefined, 'repeatable');
    if (!answer || answer.status >= 500 || answer.status === 409) return false;
    if (answer.status === 200 && answer.json.status === 'cancelled') return true;
    this.#isStrange(order, `a cancel of ${id}`, answer);
    return false;
  }

  /** Waits for the end, by the log, and takes up again what failed. */
  async #redrive(order: Order, token: string, known: { id: string; redriven: number }): Promise<void> {
    for (let tries = 0; tries < order.redrives; tries += 1) {
      while (!this.#hasEnded(known.id)) {
        if (this.signal.aborted) return;
        await this.#pause(LOOK_MS);
      }
      if (this.log.state(known.id)?.status !== 'failed') return;
      const seen = this.log.history(known.id).length;
      const answer = await this.#post(order, token, `/v1/generations/${known.id}/retry`, undefined, 'repeatable');
      if (answer?.status === 200) known.redriven += 1;
      else if (answer && answer.status < 500 && answer.status !== 409) {
        this.#isStrange(order, `a retry of ${known.id}`, answer);
      }
      while (this.log.history(known.id).length === seen && answer?.status === 200) {
        if (this.signal.aborted) return;
        await this.#pause(LOOK_MS);
      }
    }
  }

  #hasEnded(id: string): boolean {
    const state = this.log.state(id);
    return state !== null && isTerminal(state.status);
  }

  /** Repeats what was not answered, at the next gateway, if there is a key to it; null: nobody ever answered. */
  async #post(
    { gateway, user }: Order,
    token: string,
    path: string,
    body: object | undefined,
    key: string | null,
  ): Promise<Answer | null> {
    let last: Answer | null = null;
    for (let tries = 0; !this.signal.aborted; tries += 1) {
      const { gatewayUrls } = this.system;
      const url = gatewayUrls[(gateway + tries) % gatewayUrls.length]! + path;
      try {
        const response = await fetch(url, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${token}`,
            ...(body && { 'content-type': 'application/json' }),
            ...(body && key !== null && { 'idempotency-key': `${user} ${key}` }),
          },
          body: body && JSON.stringify(body),
          signal: AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), this.signal]),
        });
        last = { status: response.status, json: (await response.json()) as Answer['json'] };
        if (last.status < 500) return last;
      } catch {
        last = null;
      }
      if (key === null) return last;
      this.counters.repeated += 1;
      await this.#pause(Math.min(100 * 2 ** tries, LONGEST_PAUSE_MS) * (0.5 + Math.random()));
    }
    return last;
  }

  #isStrange({ index }: Order, what: string, { status, json }: Answer): void {
    this.counters.strange.push(`${what} (order ${index}) was answered ${status} ${JSON.stringify(json).slice(0, 300)}`);
  }

  async #pause(ms: number): Promise<void> {
    await delay(Math.max(0, ms), undefined, { signal: this.signal }).catch(() => undefined);
  }
}
