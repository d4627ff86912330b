import type { EventData, GenerationError, SentImage, Stage, StoredImage } from './events.js';

interface Common {
  /** Names the intention: the same id twice changes nothing. */
  readonly commandId: string;
  /** ISO 8601 UTC: now, as the caller sees it. */
  readonly at: string;
}

export type Command = Common &
  (
    | { readonly type: 'Request'; readonly request: EventData['GenerationRequested'] }
    | {
        readonly type: 'StartAttempt';
        readonly stage: Stage;
        readonly worker: string;
        readonly deadline: string | null;
        /**
         * Version at which the caller looked: an attempt that was lost since would have to be looked for before the next
         * one. Left out: whatever it is now.
         */
        readonly seen?: number;
        /** Left out: none. */
        readonly sentImages?: readonly SentImage[];
      }
    | {
        readonly type: 'RecordPrediction';
        readonly fence: number;
        readonly provider: string;
        readonly predictionId: string;
        readonly deadline: string | null;
        readonly adopted: boolean;
      }
    | {
        readonly type: 'RecordGenerated';
        readonly fence: number;
        readonly outputs: readonly string[];
        readonly outputsExpireAt: string;
        readonly metrics: EventData['Generated']['metrics'];
        readonly seed: number | null;
        readonly actualCostUsd: number | null;
      }
    | { readonly type: 'RecordDownloaded'; readonly fence: number; readonly images: readonly StoredImage[] }
    | {
        readonly type: 'FailAttempt';
        readonly fence: number;
        readonly error: GenerationError;
        readonly retryAt: string;
        /** The end of the generation's time: a retry at or after it is none. Left out: there is no end. */
        readonly giveUpAt?: string;
        readonly counted: boolean;
      }
    | { readonly type: 'Fail'; readonly error: GenerationError }
    | { readonly type: 'Cancel'; readonly by: string; readonly reason: string | null }
    | { readonly type: 'Retry'; readonly by: string }
  );
