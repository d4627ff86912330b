/** What an idempotency key stands for, once it has been used. */
export interface KeyHolder {
  readonly generationId: string;
  /** Of the body it was first used with. */
  readonly requestHash: string;
}

/** Idempotency keys of users, kept for ever. */
export interface IdempotencyKeys {
  /** @throws EventStoreError `unavailable` */
  find(userId: string, key: string): Promise<KeyHolder | null>;
  /**
   * Answers what holds the key: `holder` if it was free, else what was there. Of any number of simultaneous calls
   * exactly one wins, and all get the same answer.
   * @throws EventStoreError `unavailable`: the key may or may not be held now; ask again
   */
  reserve(userId: string, key: string, holder: KeyHolder): Promise<KeyHolder>;
}
