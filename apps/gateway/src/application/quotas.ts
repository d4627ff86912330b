import type { QuotaLimits, Standing } from '@darkroom/domain';

/** Whether generations were counted, and how the user stands then with each limit that there is. */
export interface QuotaAnswer {
  /** The limit that they were refused by; null: they are counted. */
  readonly refusedBy: Standing | null;
  readonly standings: readonly Standing[];
}

/** What users have requested of the present hour and day. Exact over all gateways. */
export interface Quotas {
  /**
   * Answers whether a reservation would have a chance now. Counts and writes nothing.
   * @throws EventStoreError `unavailable`
   */
  check(userId: string, limits: QuotaLimits): Promise<QuotaAnswer>;
  /**
   * Counts all of these generations, or none. To count one again, for a repetition of its request, changes nothing but
   * that one more may have to release it. Simultaneous calls are served in their order.
   * @throws EventStoreError `unavailable`: they may be counted, and are given back when nobody appends them
   */
  reserve(userId: string, limits: QuotaLimits, generationIds: readonly string[]): Promise<QuotaAnswer>;
  /** They are in the log. Whoever dies before it says so is found out. */
  settle(userId: string, generationIds: readonly string[]): void;
  /** The caller of one `reserve` will never append them. Done in the background; whoever dies before is found out. */
  release(userId: string, generationIds: readonly string[]): void;
  /** @throws EventStoreError `unavailable` */
  standings(userId: string, limits: QuotaLimits): Promise<readonly Standing[]>;
}
