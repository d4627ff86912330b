import { jwtVerify } from 'jose';
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Principal } from '../application/principal.js';
import { isStorable } from '../application/storable-text.js';
import { AppError } from '../errors/app-error.js';
import { VerifiedTokens } from './verified-tokens.js';

/** Whose generations are made with the operators' key of the environment. */
const ADMIN_USER_ID = 'admin';

const claims = z.object({
  sub: z.string().min(1).max(255).refine(isStorable),
  role: z.unknown().optional(),
  exp: z.number().optional(),
});

export interface AuthOptions {
  readonly jwtSecret?: string;
  readonly adminApiKey?: string;
}

/** Tells who a bearer credential belongs to: HS256 tokens (`sub`, `role: "admin"`), and the operators' key. */
export class Authenticator {
  readonly #jwtKey: Uint8Array | null;
  readonly #adminKey: Buffer | null;
  readonly #verified = new VerifiedTokens<Principal>();

  constructor({ jwtSecret, adminApiKey }: AuthOptions) {
    this.#jwtKey = jwtSecret === undefined ? null : new TextEncoder().encode(jwtSecret);
    this.#adminKey = adminApiKey === undefined ? null : digest(adminApiKey);
  }

  /**
   * @param authorization the value of that header (REST) or of the connection's payload (GraphQL subscriptions)
   * @throws AppError `unauthenticated`
   */
  async authenticate(authorization: string | undefined): Promise<Principal> {
    const credential = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    if (credential === undefined) throw unauthenticated('Send a bearer token or an API key', null);
    // Digests have one length, so that the comparison takes the same time whatever was sent.
    if (this.#adminKey && timingSafeEqual(digest(credential), this.#adminKey)) {
      return { userId: ADMIN_USER_ID, operator: true, expiresAt: null };
    }
    return this.#fromToken(credential);
  }

  async #fromToken(token: string): Promise<Principal> {
    const known = this.#verified.get(token);
    if (known) return known;
    if (this.#jwtKey) {
      // One algorithm, named by us: a token must not choose how it is checked.
      const verified = await jwtVerify(token, this.#jwtKey, { algorithms: ['HS256'] }).catch(() => null);
      const { data } = claims.safeParse(verified?.payload);
      if (data) {
        const expiresAt = data.exp === undefined ? null : data.exp * 1_000;
        const principal = { userId: data.sub, operator: data.role === 'admin', expiresAt };
        this.#verified.add(token, principal, data.exp);
        return principal;
      }
    }
    throw unauthenticated('The token or API key is not valid, or no longer', 'invalid_token');
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function unauthenticated(detail: string, error: string | null): AppError {
  const challenge = error === null ? 'Bearer realm="darkroom"' : `Bearer realm="darkroom", error="${error}"`;
  return new AppError('unauthenticated', detail, { headers: { 'www-authenticate': challenge } });
}
