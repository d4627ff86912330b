import { findModel } from '@darkroom/domain';
import { z } from 'zod';
import { runFault } from '../control/fault.schema.js';
import type { PredictionPlan } from '../predictions/prediction.js';
import { WEBHOOK_EVENTS } from '../webhooks/webhook-events.js';

const time = z.iso.datetime().transform((text) => new Date(text));

const model = z.string().transform((id, context) => {
  const found = findModel(id);
  if (found) return found;
  context.addIssue(`the simulator does not know the model ${id}`);
  return z.NEVER;
});

const entrySchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('created'),
    plan: z.object({
      id: z.string(),
      model,
      input: z.record(z.string(), z.unknown()),
      sourceSize: z.object({ width: z.number(), height: z.number() }).optional(),
      seed: z.number(),
      createdAt: time,
      deadline: time.optional(),
      webhook: z.string().optional(),
      losesWebhooks: z.boolean().optional(),
      listedAt: time.optional(),
      webhookEvents: z.array(z.enum(WEBHOOK_EVENTS)),
      runMs: z.number(),
      fault: runFault.optional(),
    }),
  }),
  /** A create by which no prediction came into being. */
  z.object({ type: z.literal('refused') }),
  z.object({
    type: z.literal('ended'),
    id: z.string(),
    status: z.string(),
    startedAt: time.optional(),
    completedAt: time,
    error: z.string().nullable(),
    files: z.array(z.string()).nullable(),
  }),
  /** The webhook of the end was taken, or given up. */
  z.object({ type: z.literal('told'), id: z.string() }),
]);

type ReadEntry = z.output<typeof entrySchema>;

/** What the simulator must know after a restart. */
export type JournalEntry = Exclude<ReadEntry, { type: 'created' | 'ended' }> | Created | Ended;
interface Created {
  readonly type: 'created';
  readonly plan: PredictionPlan;
}
interface Ended {
  readonly type: 'ended';
  readonly id: string;
  readonly status: string;
  readonly startedAt?: Date | undefined;
  readonly completedAt: Date;
  readonly error: string | null;
  readonly files: readonly string[] | null;
}

/** One line of the journal, with its end. */
export function formatEntry(entry: JournalEntry): string {
  const content = entry.type === 'created' ? { ...entry, plan: { ...entry.plan, model: entry.plan.model.id } } : entry;
  return `${JSON.stringify(content)}\n`;
}

/** @throws SyntaxError or ZodError for what {@link formatEntry} would not write */
export function parseEntry(line: string): JournalEntry {
  return entrySchema.parse(JSON.parse(line));
}
