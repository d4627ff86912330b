import { randomFillSync } from 'node:crypto';

/** W3C Trace Context, version 00: https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

export interface Trace {
  readonly traceId: string;
  /** Two hex digits; 01 says that the caller records this trace. */
  readonly flags: string;
}

/** Null when the header is absent or malformed: the standard asks to start a new trace then. */
export function parseTraceparent(header: string | null | undefined): Trace | null {
  const match = TRACEPARENT.exec(header ?? '');
  return match ? { traceId: match[1]!, flags: match[2]! } : null;
}

/** A traceparent of our own: within the caller's trace when `inbound` is a valid header, else of a new one. */
export function continueTrace(inbound?: string | null, random: (bytes: number) => string = randomHex): string {
  const { traceId, flags } = parseTraceparent(inbound) ?? { traceId: random(16), flags: '01' };
  return `00-${traceId}-${random(8)}-${flags}`;
}

/** Randomness for 100 requests: asking the system for a few bytes costs as much as for thousands. */
const pool = Buffer.alloc(100 * 24);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return pool.toString('hex', used, (used += bytes));
}
