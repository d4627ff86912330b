/** Who asks. */
export interface Principal {
  readonly userId: string;
  /** Operators see and touch everybody's generations. */
  readonly operator: boolean;
}
