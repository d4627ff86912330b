import { keptWebhookSecret, newWebhookSecret } from './journal/webhook-secret.js';

/** What `startSimulator` takes; every value has a default. */
export interface SimulatorOptions {
  readonly host?: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** Where clients and browsers find the simulator; its file and API links begin with it. */
  readonly publicUrl?: string;
  /** From creation to success. */
  readonly runMs?: number;
  /** How long output files are kept after completion; Replicate keeps them for one hour. */
  readonly fileTtlMs?: number;
  /** Where predictions are kept, to be carried on by the next simulator on this folder; without it they end with this one. */
  readonly dataDir?: string | undefined;
  /** `whsec_<base64>`. */
  readonly webhookSecret?: string;
  /** 600 at Replicate, 6 with little credit. */
  readonly createsPerMinute?: number;
  /** Wait before the first repetition of a terminal webhook; doubled each time, for one minute in all. */
  readonly webhookRetryMs?: number;
}

/** The part of the settings that `/control/config` may change while the simulator runs. */
export type ChangeableSettings = Pick<SimulatorSettings, 'runMs' | 'fileTtlMs' | 'createsPerMinute'>;

/** The settings of one running simulator. */
export class SimulatorSettings {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string | undefined;
  /** Known only when the port is: set by `startSimulator` after it listens, unless it was given. */
  publicUrl: string;
  runMs: number;
  fileTtlMs: number;
  createsPerMinute: number;
  readonly webhookSecret: string;
  readonly webhookRetryMs: number;

  readonly #initial: ChangeableSettings;

  constructor(options: SimulatorOptions = {}) {
    this.host = options.host ?? '127.0.0.1';
    this.port = options.port ?? 0;
    this.publicUrl = options.publicUrl ?? '';
    this.runMs = options.runMs ?? 1_500;
    this.fileTtlMs = options.fileTtlMs ?? 3_600_000;
    this.createsPerMinute = options.createsPerMinute ?? 600;
    this.dataDir = options.dataDir;
    this.webhookSecret = options.webhookSecret ?? (this.dataDir ? keptWebhookSecret(this.dataDir) : newWebhookSecret());
    this.webhookRetryMs = options.webhookRetryMs ?? 1_000;
    this.#initial = { runMs: this.runMs, fileTtlMs: this.fileTtlMs, createsPerMinute: this.createsPerMinute };
  }

  change(changes: Partial<ChangeableSettings>): ChangeableSettings {
    this.runMs = changes.runMs ?? this.runMs;
    this.fileTtlMs = changes.fileTtlMs ?? this.fileTtlMs;
    this.createsPerMinute = changes.createsPerMinute ?? this.createsPerMinute;
    return { runMs: this.runMs, fileTtlMs: this.fileTtlMs, createsPerMinute: this.createsPerMinute };
  }

  restore(): void {
    this.change(this.#initial);
  }
}
