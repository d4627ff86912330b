/** Something that is looked through from time to time for what was lost, and mended. */
export interface Net {
  /** Label of its metrics. */
  readonly name: string;
  /**
   * Once through all of it. Idempotent, whatever dies in the midst, and however many do it at once.
   * @throws whatever keeps it from its end: it is tried again at the next turn
   */
  sweep(signal: AbortSignal): Promise<void>;
}
