import { bucketKey } from './subjects.js';
import type { Claims } from './claims.js';

/** Which generation a prediction belongs to, decided once and for all by whoever claims it first (docs/adr/0002). */
export class PredictionClaims {
  constructor(
    private readonly claims: Claims,
    private readonly provider: string,
  ) {}

  /**
   * True when the prediction is this attempt's from now on, or was already.
   * @param fence of the attempt
   * @throws EventStoreError `unavailable`; ask again
   */
  async claim(predictionId: string, generationId: string, { fence }: { readonly fence: number }): Promise<boolean> {
    const owner = `${generationId}/${fence}`;
    return (await this.claims.claim(bucketKey(this.provider, predictionId), owner)) === owner;
  }
}
