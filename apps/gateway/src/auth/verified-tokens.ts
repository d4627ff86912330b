import { hash } from 'node:crypto';

/** Longest time for which a token is not verified again. Milliseconds. A key that is withdrawn is obeyed no longer. */
const LONGEST_MS = 60_000;

/** Tokens remembered. An attacker needs a valid token for each. */
const MOST = 10_000;

interface Verified<T> {
  readonly value: T;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/**
 * What was read from tokens that were found valid: a client sends the same one with every request, and to verify it
 * costs as much as the rest of accepting one. Holds digests, never tokens, and nothing about tokens that were refused.
 */
export class VerifiedTokens<T> {
  readonly #known = new Map<string, Verified<T>>();

  /** @param clock milliseconds since 1970 */
  constructor(private readonly clock: () => number = Date.now) {}

  get(token: string): T | undefined {
    const key = digest(token);
    const known = this.#known.get(key);
    if (known === undefined) return undefined;
    if (this.clock() < known.until) return known.value;
    this.#known.delete(key);
    return undefined;
  }

  /** @param expiry the token's `exp`, in seconds since 1970 as RFC 7519 has it; undefined: it has none */
  add(token: string, value: T, expiry: number | undefined): void {
    // The oldest goes: a map keeps the order in which it was filled.
    if (this.#known.size >= MOST) this.#known.delete(this.#known.keys().next().value!);
    const until = Math.min(this.clock() + LONGEST_MS, (expiry ?? Infinity) * 1_000);
    this.#known.set(digest(token), { value, until });
  }
}

function digest(token: string): string {
  return hash('sha256', token, 'base64');
}
