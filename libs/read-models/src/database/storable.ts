/** Stands in for what PostgreSQL cannot store: the replacement character, as decoders use it. */
const REPLACEMENT = '\uFFFD';

/**
 * Text as PostgreSQL can store it: it refuses U+0000 in text and jsonb, and unpaired surrogates in jsonb. Both become
 * U+FFFD. The log keeps what was sent; without this one such prompt would stop the projection of everybody.
 */
export function storableText(text: string): string {
  return text.replace(/\0|\p{Surrogate}/gu, REPLACEMENT);
}

/** JSON of a value, with every text and key in it storable in a jsonb. */
export function storableJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (!json.includes('\\')) return json;
  // JSON.stringify writes exactly these characters as escapes. An escaped backslash is matched as a pair, so that the
  // text of an escape (backslash, u, 0000), which is storable, is not taken for one.
  return json.replace(/\\(?:\\|u0000|ud[89a-f][0-9a-f]{2})/g, (escape) => (escape === '\\\\' ? escape : REPLACEMENT));
}
