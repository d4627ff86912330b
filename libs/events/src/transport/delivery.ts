import { BaseRpcContext } from '@nestjs/microservices';
import type { JsMsg } from '@nats-io/jetstream';
import { PREDICTION_HEADER } from '../envelope.js';

/** What a handler knows of the message in its hands, next to the payload: the second argument of every handler. */
export class Delivery extends BaseRpcContext<[JsMsg]> {
  constructor(
    message: JsMsg,
    /** Aborts when the process is about to end: throw {@link HandBack} then. */
    readonly signal: AbortSignal,
  ) {
    super([message]);
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
