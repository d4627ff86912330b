/** Replicate's shortest deadline. */
const SHORTEST_MS = 5_000;

/**
 * The milliseconds of a Cancel-After header: `30`, `90s`, `1h30m`.
 * @returns undefined for a value that Replicate would refuse
 */
export function parseCancelAfter(header: string): number | undefined {
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?$/.exec(header.trim());
  if (!match) return undefined;
  const [hours = '0', minutes = '0', seconds = '0'] = match.slice(1);
  const ms = (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
  return ms < SHORTEST_MS ? undefined : ms;
}
