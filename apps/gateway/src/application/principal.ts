/** Who asks. */
export interface Principal {
  readonly userId: string;
  /** Operators see and touch everybody's generations. */
  readonly operator: boolean;
  /** When the credential ends, in milliseconds since 1970; null when it says nothing of it. */
  readonly expiresAt: number | null;
}
