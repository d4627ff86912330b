import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { AppError } from '../errors/app-error.js';

/** What of an image a link leads to. */
export interface LinkTarget {
  readonly imageId: string;
  readonly variant: 'content' | 'thumbnail';
  /** Of a thumbnail: the width that was asked for. Null: whichever there is. */
  readonly width: number | null;
}

/** As it stands in the query of a link. */
export interface LinkSignature {
  /** Seconds since 1970. */
  readonly expires: number;
  readonly signature: string;
}

/** Names the use of the key, so that the secret may have others. */
const KEY_INFO = 'darkroom image links v1';
const KEY_BYTES = 32;

/**
 * Links to images that need no credentials until they expire: for pages, whose `<img>` cannot send any. Nothing is kept:
 * every gateway with the same secret takes them, and another secret revokes all of them.
 */
export class ImageLinks {
  readonly #key: Buffer;

  /** @param clock milliseconds since 1970 */
  constructor(
    secret: string,
    private readonly clock: () => number = Date.now,
  ) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', KEY_INFO, KEY_BYTES));
  }

  /** @param seconds for which it works from now on */
  sign(target: LinkTarget, seconds: number): LinkSignature {
    const expires = Math.floor(this.clock() / 1_000) + seconds;
    return { expires, signature: this.#mac(target, expires).toString('base64url') };
  }

  /**
   * Answers for how many seconds more it works.
   * @throws AppError `forbidden` for a link that was changed, is of another secret, or has expired
   */
  verify(target: LinkTarget, { expires, signature }: LinkSignature): number {
    const [expected, given] = [this.#mac(target, expires), Buffer.from(signature, 'base64url')];
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw new AppError('forbidden', 'The link is not valid: it was changed, or its secret was');
    const left = expires - Math.floor(this.clock() / 1_000);
    if (left <= 0) throw new AppError('forbidden', 'The link has expired');
    return left;
  }

  #mac({ imageId, variant, width }: LinkTarget, expires: number): Buffer {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([imageId, variant, width, expires]))
      .digest();
  }
}
