import type { CounterValues } from '../../apps/simulator/src/control/counters.js';
import type { FaultInput } from '../../apps/simulator/src/control/fault.schema.js';

/** As the provider's API shows it, in the part that tests look at. */
export interface SimulatedPrediction {
  readonly id: string;
  readonly status: string;
  readonly input: { readonly prompt: string };
  readonly output: readonly string[] | null;
  readonly created_at: string;
  readonly completed_at?: string;
}

/** The simulator's control over HTTP: what the provider did, and what it is to do wrong. */
export class SimulatorControl {
  constructor(private readonly url: string) {}

  counters(): Promise<CounterValues> {
    return this.#call('GET', 'counters');
  }

  /** Times that each distinct input was bought: all 1 when everything was paid for once. */
  async purchases(): Promise<number[]> {
    return Object.values((await this.counters()).by_input);
  }

  /** Every prediction, oldest first. */
  predictions(): Promise<SimulatedPrediction[]> {
    return this.#call('GET', 'predictions');
  }

  /** Of the predictions whose prompt holds `prompt`. */
  async statuses(prompt: string): Promise<string[]> {
    const predictions = await this.predictions();
    return predictions.filter(({ input }) => input.prompt.includes(prompt)).map(({ status }) => status);
  }

  async fault(...faults: readonly FaultInput[]): Promise<void> {
    await this.#call('POST', 'faults', faults);
  }

  async clearFaults(): Promise<void> {
    await this.#call('DELETE', 'faults');
  }

  async configure(settings: { run_ms: number }): Promise<void> {
    await this.#call('POST', 'config', settings);
  }

  async #call<T>(method: string, path: string, json?: unknown): Promise<T> {
    const response = await fetch(`${this.url}/control/${path}`, {
      method,
      ...(json !== undefined && { body: JSON.stringify(json), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`The simulator answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}
