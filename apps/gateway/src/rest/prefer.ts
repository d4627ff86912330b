/** Longest wait that a client can ask for. Seconds. */
export const LONGEST_WAIT_SECONDS = 60;

/**
 * The `wait` preference of RFC 7240 in seconds, at most {@link LONGEST_WAIT_SECONDS}; null when there is none. A
 * preference that makes no sense is ignored, as the standard asks.
 */
export function preferredWait(header: string | undefined): number | null {
  for (const preference of (header ?? '').split(',')) {
    const wait = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(;.*)?$/i.exec(preference)?.[1];
    if (wait !== undefined && Number(wait) > 0) return Math.min(Number(wait), LONGEST_WAIT_SECONDS);
  }
  return null;
}
