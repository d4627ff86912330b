import type { Broker } from './connect.js';
import { ANY_PREDICTION, ANY_PROGRESS, predictionSubject, progressSubject } from './subjects.js';

/** How far an attempt has come. */
export interface ProgressNews {
  readonly generationId: string;
  /** Of the attempt: what is known of another one says nothing. */
  readonly fence: number;
  /** Per cent. */
  readonly progress: number;
}

/**
 * What processes call out to each other, over NATS without JetStream: whoever does not listen misses it, and nothing is
 * kept. So nothing may depend on it but how soon something is noticed.
 */
export class Signals {
  constructor(private readonly broker: Broker) {}

  /**
   * The provider says that this prediction has ended: whoever waits for it should look.
   * @throws EventStoreError `unavailable`
   */
  predictionEnded(predictionId: string): void {
    this.broker.assertConnected();
    this.broker.connection.publish(predictionSubject(predictionId));
  }

  /** Calls `listener` for as long as the connection lasts, reconnections included. */
  onPredictionEnded(listener: (predictionId: string) => void): void {
    this.#listen(ANY_PREDICTION, (predictionId) => listener(predictionId));
  }

  /** Dropped while NATS is away: what comes later is newer. */
  progress({ generationId, fence, progress }: ProgressNews): void {
    if (!this.broker.connected) return;
    this.broker.connection.publish(progressSubject(generationId), JSON.stringify([fence, progress]));
  }

  /** Calls `listener` for as long as the connection lasts, reconnections included. */
  onProgress(listener: (news: ProgressNews) => void): void {
    this.#listen(ANY_PROGRESS, (generationId, body) => {
      const [fence, progress] = numbersIn(body);
      if (fence !== undefined && progress !== undefined) listener({ generationId, fence, progress });
    });
  }

  #listen(subject: string, listener: (name: string, body: string) => void): void {
    this.broker.connection.subscribe(subject, {
      callback: (error, message) => {
        if (!error) listener(message.subject.slice(message.subject.indexOf('.') + 1), message.string());
      },
    });
  }
}

/** None when it is no list of numbers: another release may say it in another way. */
function numbersIn(body: string): number[] {
  try {
    const value: unknown = JSON.parse(body);
    return Array.isArray(value) && value.every(Number.isFinite) ? (value as number[]) : [];
  } catch {
    return [];
  }
}
