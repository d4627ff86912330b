import { windowSeconds, type Standing } from '@darkroom/domain';

/**
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): each limit's quota and window, and what
 * is left of it for how many seconds. None without limits.
 * @param now milliseconds since 1970
 */
export function rateLimitHeaders(standings: readonly Standing[], now: number): Record<string, string> {
  if (standings.length === 0) return {};
  const policies = standings.map(({ window, limit }) => `"${window}";q=${limit};w=${windowSeconds(window)}`);
  const rests = standings.map((standing) => {
    const left = Math.max(standing.limit - standing.used, 0);
    return `"${standing.window}";r=${left};t=${secondsUntil(standing.resetsAt, now)}`;
  });
  return { 'ratelimit-policy': policies.join(', '), ratelimit: rests.join(', ') };
}

/** Whole seconds, at least 1: a client that waits so long is not too early. */
export function secondsUntil(time: number, now: number): number {
  return Math.max(Math.ceil((time - now) / 1_000), 1);
}
