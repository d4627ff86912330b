import { duration } from '@darkroom/config';
import { InvalidArgumentError } from 'commander';

/** An option's length of time, in milliseconds. */
export function parseDuration(text: string): number {
  const { success, data } = duration.safeParse(text);
  if (!success) throw new InvalidArgumentError('It must be a length of time such as 90s, 10m or 1h.');
  return data;
}

/** An option's moment: a length of time before now, or ISO 8601. Answers ISO 8601 UTC. */
export function parseMoment(text: string): string {
  const ago = duration.safeParse(text);
  const time = ago.success ? Date.now() - ago.data : Date.parse(text);
  if (Number.isNaN(time))
    throw new InvalidArgumentError('It must be a length of time such as 1h, or an ISO 8601 time.');
  return new Date(time).toISOString();
}

/** An option's number, 1 or more. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return Number(text);
}
