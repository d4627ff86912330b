/** What a user may ask for. null: no limit. */
export interface UserLimits {
  /** Generations requested in a UTC hour. */
  readonly hourly: number | null;
  /** Generations requested in a UTC day. */
  readonly daily: number | null;
  /** Generations that run at once. */
  readonly concurrent: number | null;
}

/** Of operators. */
export const NO_LIMITS: UserLimits = { hourly: null, daily: null, concurrent: null };

/** Who asks. */
export interface Principal {
  readonly userId: string;
  /** Operators see and touch everybody's generations, and have no limits. */
  readonly operator: boolean;
  readonly limits: UserLimits;
  /** When the credential ends, in milliseconds since 1970; null when it says nothing of it. */
  readonly expiresAt: number | null;
}
