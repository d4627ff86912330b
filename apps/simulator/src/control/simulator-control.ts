import { Injectable } from '@nestjs/common';
import { viewOf } from '../predictions/prediction.js';
import { PredictionRuns } from '../predictions/prediction-runs.js';
import { PredictionStore } from '../predictions/prediction-store.js';
import { RateLimit } from '../api/rate-limit.js';
import { type ChangeableSettings, SimulatorSettings } from '../settings.js';
import { UploadedFiles } from '../uploads/uploaded-files.js';
import { Counters, type CounterValues } from './counters.js';
import { type FaultInput, faultSchema } from './fault.schema.js';
import { FaultScript } from './fault-script.js';

/** What a test does to the simulator behind its clients' backs; `/control` offers the same over HTTP. */
@Injectable()
export class SimulatorControl {
  constructor(
    private readonly settings: SimulatorSettings,
    private readonly faults: FaultScript,
    private readonly counts: Counters,
    private readonly runs: PredictionRuns,
    private readonly store: PredictionStore,
    private readonly rateLimit: RateLimit,
    private readonly uploads: UploadedFiles,
  ) {}

  /** Scripts faults, each for one stage of a prediction's way. A stage takes the first that fits. */
  fault(...faults: readonly FaultInput[]): void {
    for (const fault of faults.map((input) => faultSchema.parse(input))) this.faults.add(fault);
  }

  clearFaults(): void {
    this.faults.clear();
  }

  counters(): CounterValues {
    return this.counts.values();
  }

  /**
   * Every prediction as the API would answer it, oldest first, those that the list does not show yet too; with its input
   * even when that is removed, and the URL of its webhook or null.
   */
  predictions(): Record<string, unknown>[] {
    const { publicUrl, fileTtlMs } = this.settings;
    const now = new Date();
    return this.store.all().map((record) => ({
      ...viewOf(record, { publicUrl, fileTtlMs, now }),
      input: record.input,
      webhook: record.webhook ?? null,
    }));
  }

  /** What a model would be given for the address of an uploaded file. */
  uploaded(url: string): { readonly contentType: string; readonly content: Buffer } | undefined {
    return this.uploads.behind(url, new Date());
  }

  configure(changes: Partial<ChangeableSettings>): ChangeableSettings {
    return this.settings.change(changes);
  }

  /** As after a fresh start: no predictions, faults or counts, and the first settings. */
  reset(): void {
    this.runs.clear();
    this.faults.clear();
    this.counts.reset();
    this.rateLimit.reset();
    this.uploads.clear();
    this.settings.restore();
  }
}
