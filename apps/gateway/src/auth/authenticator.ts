import { jwtVerify } from 'jose';
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { NO_LIMITS, type Principal, type UserLimits } from '../application/principal.js';
import { isStorable } from '../application/storable-text.js';
import { AppError } from '../errors/app-error.js';
import { VerifiedTokens } from './verified-tokens.js';

/** Whose generations are made with the operators' key of the environment. */
const ADMIN_USER_ID = 'admin';

/** 0 stands for no limit, as in the environment. */
const limit = (most: number) => z.int().min(0).max(most).optional();

/** A name that is none of these is a mistake, and would leave the user with limits that nobody meant. */
const limitsClaim = z.strictObject({
  hourly: limit(1_000_000),
  daily: limit(10_000_000),
  concurrent: limit(1_000),
});

const claims = z.object({
  sub: z.string().min(1).max(255).refine(isStorable),
  role: z.unknown().optional(),
  exp: z.number().optional(),
  limits: limitsClaim.optional(),
});

export interface AuthOptions {
  readonly jwtSecret?: string;
  readonly adminApiKey?: string;
}

/** Tells who a bearer credential belongs to: HS256 tokens (`sub`, `role: "admin"`, `limits`), and the operators' key. */
export class Authenticator {
  readonly #jwtKey: Uint8Array | null;
  readonly #adminKey: Buffer | null;
  readonly #verified = new VerifiedTokens<Principal>();

  /** @param defaults limits of users whose token carries none */
  constructor(
    { jwtSecret, adminApiKey }: AuthOptions,
    private readonly defaults: UserLimits,
  ) {
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
      return { userId: ADMIN_USER_ID, operator: true, limits: NO_LIMITS, expiresAt: null };
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
        const operator = data.role === 'admin';
        const limits = operator ? NO_LIMITS : limitsOf(data.limits ?? {}, this.defaults);
        const principal = { userId: data.sub, operator, limits, expiresAt };
        this.#verified.add(token, principal, data.exp);
        return principal;
      }
    }
    throw unauthenticated('The token or API key is not valid, or no longer', 'invalid_token');
  }
}

function limitsOf(own: z.output<typeof limitsClaim>, defaults: UserLimits): UserLimits {
  const either = (name: keyof UserLimits) => {
    const value = own[name];
    return value === undefined ? defaults[name] : value || null;
  };
  return { hourly: either('hourly'), daily: either('daily'), concurrent: either('concurrent') };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function unauthenticated(detail: string, error: string | null): AppError {
  const challenge = error === null ? 'Bearer realm="darkroom"' : `Bearer realm="darkroom", error="${error}"`;
  return new AppError('unauthenticated', detail, { headers: { 'www-authenticate': challenge } });
}
