import type { FailureCode } from './failure-codes.js';

export const STAGES = ['generate', 'download'] as const;
/** The two kinds of work a generation passes through. */
export type Stage = (typeof STAGES)[number];

export const LANES = ['high', 'normal', 'low'] as const;
/** Queues are served by weight, high first: see the lane weights of the work stream. */
export type Lane = (typeof LANES)[number];

/** What was asked for, after defaults: null where the caller left it to the model. Sizes in pixels. */
export interface GenerationInput {
  readonly prompt: string;
  readonly negative_prompt: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly aspect_ratio: string | null;
  readonly num_inference_steps: number | null;
  readonly guidance_scale: number | null;
  readonly seed: number | null;
  readonly num_outputs: number;
  readonly output_format: string | null;
  readonly source_image_url: string | null;
  /** An image of an earlier generation of the caller's, instead of an address. */
  readonly source_image_id: string | null;
  /** Further images that the result is to resemble. */
  readonly reference_image_urls: readonly string[];
  /** 0–1: how far the result may leave the source image, for every model. */
  readonly strength: number | null;
  readonly style: string | null;
  readonly model_options: Readonly<Record<string, unknown>>;
}

export interface Warning {
  readonly field: string;
  readonly message: string;
}

export interface GenerationError {
  readonly code: FailureCode;
  readonly message: string;
  readonly retryable: boolean;
}

/** A smaller WebP of an image, for pages; of an SVG, what it looks like. */
export interface Thumbnail {
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  readonly storage_key: string;
}

/** A stored image, as measured from its bytes. */
export interface StoredImage {
  readonly id: string;
  readonly index: number;
  readonly storage_key: string;
  readonly format: string;
  readonly content_type: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly blurhash: string;
  /** The smallest first. None for images that were stored before there were thumbnails. */
  readonly thumbnails: readonly Thumbnail[];
}

/** What the provider was to be given for an image of its input. */
export interface SentImage {
  /** As it stands in `provider_input`. */
  readonly address: string;
  /** Of its bytes, 64 lower-case hex digits. */
  readonly sha256: string;
  /** The provider's own file that holds them; null: they were sent within the input, as a data URI. */
  readonly file_url: string | null;
}

/**
 * The facts of one generation. Their bodies are written to the log as they stand here, so their fields are named like
 * the public contract (snake_case), and no field may change its meaning: a change is a new version with an upcaster.
 * Times are ISO 8601 UTC, amounts US dollars.
 */
export interface EventData {
  readonly GenerationRequested: {
    readonly user_id: string;
    readonly model_id: string;
    readonly input: GenerationInput;
    /**
     * Exactly what the provider will be sent: what was validated and quoted is what is paid for. But for images: an
     * address, or `storage:<key>` for what we keep, stands for what the worker will hand over of it.
     */
    readonly provider_input: Readonly<Record<string, unknown>>;
    /** Version hash of a community model, null for a model called by its name. */
    readonly provider_version: string | null;
    readonly priority: number;
    readonly lane: Lane;
    readonly max_attempts: number;
    readonly scheduled_at: string | null;
    /** Not to be started after this: the client has no use for it any more. Null: whenever it is its turn. */
    readonly deadline: string | null;
    /** How many of the user's generations run at once, as it was when this one was accepted. Null: any number. */
    readonly concurrency_limit: number | null;
    readonly webhook: { readonly url: string; readonly events: readonly string[] } | null;
    readonly metadata: Readonly<Record<string, string>>;
    /** SHA-256 of the canonical request body: tells a retry from another request under the same idempotency key. */
    readonly request_hash: string;
    readonly estimated_cost_usd: number | null;
    readonly warnings: readonly Warning[];
    readonly batch_id: string | null;
  };
  readonly AttemptStarted: {
    readonly stage: Stage;
    readonly attempt: number;
    readonly worker: string;
    /** Until when a prediction of this attempt can still be running at the provider; null for downloads. */
    readonly deadline: string | null;
    /** By these its prediction is known among others: the list at the provider shows what was sent. */
    readonly sent_images: readonly SentImage[];
  };
  readonly PredictionCreated: {
    readonly attempt: number;
    readonly provider: string;
    readonly prediction_id: string;
    readonly deadline: string | null;
    /** True when the create's answer was lost and the prediction was found afterwards. */
    readonly adopted: boolean;
  };
  readonly Generated: {
    readonly attempt: number;
    readonly prediction_id: string;
    readonly outputs: readonly string[];
    /** After this the provider may have removed the files. */
    readonly outputs_expire_at: string;
    /** Seconds. */
    readonly metrics: { readonly predict_time: number | null; readonly total_time: number | null };
    readonly seed: number | null;
    readonly actual_cost_usd: number | null;
  };
  readonly Downloaded: {
    readonly attempt: number;
    readonly images: readonly StoredImage[];
  };
  readonly AttemptFailed: {
    readonly stage: Stage;
    readonly attempt: number;
    readonly error: GenerationError;
    readonly retry_at: string;
    /** Where the generation goes on: an expired output sends a download back to generate. */
    readonly retry_stage: Stage;
    /** False when it was nobody's attempt (throttled, out of credit): it does not use up max_attempts. */
    readonly counted: boolean;
  };
  readonly Failed: {
    readonly stage: Stage;
    readonly attempts: number;
    readonly error: GenerationError;
  };
  readonly Cancelled: { readonly by: string; readonly reason: string | null };
  readonly RetryRequested: { readonly by: string; readonly stage: Stage };
}

export type EventType = keyof EventData;

/** A fact that a command has decided on. The event store adds its id, position and trace. */
export type GenerationEvent<T extends EventType = EventType> = {
  [K in T]: {
    readonly type: K;
    readonly data: EventData[K];
    readonly commandId: string;
    /** ISO 8601 UTC: when the command was decided. */
    readonly time: string;
  };
}[T];
