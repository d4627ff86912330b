export type RebuildErrorKind =
  /** Another one is at work on these read models. */
  | 'already_running'
  /** The live tables were migrated by a newer release than this one. */
  | 'newer_tables'
  /** The live schema holds objects that are not ours: the swap would drop them. */
  | 'foreign_objects'
  /** Postgres or the log went away, or does not answer. */
  | 'interrupted';

/** The rebuild has ended; the live tables are as before, and a later rebuild begins anew. */
export class RebuildError extends Error {
  constructor(
    readonly kind: RebuildErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'RebuildError';
  }
}
