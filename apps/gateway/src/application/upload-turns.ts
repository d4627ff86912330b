import { AppError } from '../errors/app-error.js';

/** Uploads in hand at once, each in memory as a whole: of one user, and of all. */
const MOST_OF_A_USER = 4;
const MOST_OF_ALL = 24;

/** Bounds the memory that uploads take, and keeps one user from taking all of it. */
export class UploadTurns {
  readonly #ofUser = new Map<string, number>();
  #ofAll = 0;

  /** @throws AppError `rate_limited`, `unavailable` */
  async take<T>(userId: string, upload: () => Promise<T>): Promise<T> {
    const own = this.#ofUser.get(userId) ?? 0;
    if (own >= MOST_OF_A_USER) {
      const detail = `At most ${MOST_OF_A_USER} uploads are taken from you at once`;
      throw new AppError('rate_limited', detail, { retryAfterSeconds: 1 });
    }
    if (this.#ofAll >= MOST_OF_ALL) throw new AppError('unavailable', 'Too many uploads arrive at once');
    this.#ofUser.set(userId, own + 1);
    this.#ofAll += 1;
    try {
      return await upload();
    } finally {
      const left = (this.#ofUser.get(userId) ?? 1) - 1;
      if (left > 0) this.#ofUser.set(userId, left);
      else this.#ofUser.delete(userId);
      this.#ofAll -= 1;
    }
  }
}
