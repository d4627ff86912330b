/** The Postgres schema that every read model is served from. A rebuild fills another one and swaps the names. */
export const LIVE_SCHEMA = 'read_model';

/** What a rebuild fills beside the live one. Only the rebuild that holds its lock touches it. */
export const NEXT_SCHEMA = 'read_model_next';

/**
 * Checks a name before it is used as a schema. It stays plain so that it needs no quoting anywhere.
 * @throws RangeError for anything but lower-case letters, digits and underscores (at most 63, PostgreSQL's limit)
 */
export function schemaName(name: string): string {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) throw new RangeError(`Not a name for a schema: ${JSON.stringify(name)}`);
  return name;
}
