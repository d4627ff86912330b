import canonicalize from 'canonicalize';
import { Injectable } from '@nestjs/common';

export interface CounterValues {
  /** POSTs that arrived, whatever was answered. */
  readonly creates_received: number;
  /** Predictions that exist, and would be paid for. */
  readonly predictions_created: number;
  readonly by_model: Readonly<Record<string, number>>;
  /** Predictions created by `<model> <input as JSON with sorted keys>`: above 1, the same work was paid for twice. */
  readonly by_input: Readonly<Record<string, number>>;
  readonly gets: number;
  readonly lists: number;
  readonly cancels: number;
  readonly files_served: number;
  /** POSTs of files that arrived, and those that made a file. */
  readonly uploads_received: number;
  readonly files_uploaded: number;
}

const NOTHING = {
  creates_received: 0,
  predictions_created: 0,
  gets: 0,
  lists: 0,
  cancels: 0,
  files_served: 0,
  uploads_received: 0,
  files_uploaded: 0,
};

/** What clients did since the start or the last reset. */
@Injectable()
export class Counters {
  #single = { ...NOTHING };
  readonly #byModel = new Map<string, number>();
  readonly #byInput = new Map<string, number>();

  count(name: Exclude<keyof typeof NOTHING, 'predictions_created'>): void {
    this.#single[name] += 1;
  }

  countPrediction(model: string, input: unknown): void {
    this.#single.predictions_created += 1;
    increment(this.#byModel, model);
    increment(this.#byInput, `${model} ${canonicalize(input)}`);
  }

  values(): CounterValues {
    return {
      ...this.#single,
      by_model: Object.fromEntries(this.#byModel),
      by_input: Object.fromEntries(this.#byInput),
    };
  }

  reset(): void {
    this.#single = { ...NOTHING };
    this.#byModel.clear();
    this.#byInput.clear();
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
