export type ProjectionErrorKind =
  /** The checkpoint belongs to another log. */
  | 'log_mismatch'
  /** The log ends before the checkpoint: it lost events. */
  | 'log_shorter'
  /** Events after the checkpoint were removed from the log. */
  | 'log_truncated'
  /** An event that does not fit its row, or whose row Postgres refuses. */
  | 'poison_event';

/** Projecting on would make the read models wrong. An operator has to decide. */
export class ProjectionError extends Error {
  constructor(
    readonly kind: ProjectionErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ProjectionError';
  }
}
