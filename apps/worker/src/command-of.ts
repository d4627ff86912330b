import type { Command } from '@darkroom/domain';
import { randomUUID } from 'node:crypto';

type WithoutName<C> = C extends Command ? Omit<C, 'commandId' | 'at'> : never;

/** What a worker wants to say about a generation. */
export type Intent = WithoutName<Command>;

/** An intent, named and dated now. Workers' commands are idempotent by their fences, so every try is a new command. */
export function commandOf(intent: Intent): Command {
  return { ...intent, commandId: randomUUID(), at: new Date().toISOString() };
}
