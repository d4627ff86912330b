import canonicalize from 'canonicalize';
import { createHash } from 'node:crypto';

/** SHA-256, in hex, of a JSON value in its canonical form (RFC 8785): the order of keys makes no difference. */
export function requestHash(body: unknown): string {
  const text = canonicalize(body);
  if (text === undefined) throw new TypeError('Only a JSON value has a hash');
  return createHash('sha256').update(text).digest('hex');
}
