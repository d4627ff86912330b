/**
 * Smooth weighted round-robin (the scheme of nginx's upstreams): over any stretch in which all lanes have something,
 * each gets its share, and evenly mixed. A lane without anything takes no turns and saves none up.
 */
export class WeightedTurns {
  readonly #credit: number[];

  constructor(private readonly weights: readonly number[]) {
    this.#credit = weights.map(() => 0);
  }

  /** The lane whose turn it is among those that are ready; -1 when none is. */
  next(ready: (lane: number) => boolean): number {
    let best = -1;
    let total = 0;
    this.weights.forEach((weight, lane) => {
      if (!ready(lane)) {
        this.#credit[lane] = 0;
        return;
      }
      total += weight;
      this.#credit[lane]! += weight;
      if (best < 0 || this.#credit[lane]! > this.#credit[best]!) best = lane;
    });
    if (best >= 0) this.#credit[best]! -= total;
    return best;
  }
}
