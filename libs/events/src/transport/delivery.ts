import { BaseRpcContext } from '@nestjs/microservices';
import type { JsMsg } from '@nats-io/jetstream';
import { PERMIT_MS } from '../budget-rules.js';
import { PREDICTION_HEADER } from '../envelope.js';
import type { Permit, Permits } from '../shared-budget.js';

/** What a handler knows of the message in its hands, next to the payload: the second argument of every handler. */
export class Delivery extends BaseRpcContext<[JsMsg]> {
  #permit: Permit | undefined;

  constructor(
    message: JsMsg,
    /** Aborts when the process is about to end: throw {@link HandBack} then. */
    readonly signal: AbortSignal,
    private readonly permits?: Permits,
    permit?: Permit,
    private readonly onPermitReturned: () => void = () => undefined,
  ) {
    super([message]);
    this.#permit = permit;
  }

  /**
   * Call right before what the subscription's permits are for: uses the one in hand, and waits for one if there is none, or
   * if it was kept so long that it no longer counts. At once when the subscription has no permits.
   * @throws the reason of `signal`
   */
  async usePermit(): Promise<void> {
    const permit = this.#permit;
    this.#permit = undefined;
    if (permit && Date.now() - permit.takenAt <= PERMIT_MS) return;
    await this.permits?.take(this.signal);
  }

  /**
   * Call as soon as none is needed any more, because it was used or will not be: somebody else may begin then. At the latest
   * it goes back when the handler ends. Harmless without one, or again.
   */
  returnPermit(): void {
    this.#permit?.giveBack();
    this.#permit = undefined;
    this.onPermitReturned();
  }

  get subject(): string {
    return this.args[0].subject;
  }

  /** Names the prediction in work of {@link WorkQueue.cancelPrediction}; null in any other. */
  get predictionId(): string | null {
    return this.args[0].headers?.get(PREDICTION_HEADER) || null;
  }

  /** 1 for the first delivery. Deliveries are not attempts: restarts of workers count as well. */
  get deliveryCount(): number {
    return this.args[0].info.deliveryCount;
  }
}

/** Thrown by a handler to give its work back unfinished, at once, for any other worker. */
export class HandBack extends Error {
  constructor(reason = 'the worker is shutting down') {
    super(`Handed back: ${reason}`);
    this.name = 'HandBack';
  }
}

/** Thrown for a message that no delivery can ever make sense of: it is taken out of the queue, and logged. */
export class Unprocessable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Unprocessable';
  }
}
