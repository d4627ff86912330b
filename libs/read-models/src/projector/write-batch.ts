import type { RecordedEvent } from '@darkroom/events';
import type { EntityManager } from '@mikro-orm/postgresql';
import { advanceCheckpoint, type Checkpoint } from '../checkpoint/checkpoint.js';
import { inTransaction } from '../database/transaction.js';
import { projectGeneration, type GenerationRow } from '../generations/generations.projection.js';
import { loadGenerations, upsertGenerations } from '../generations/generations.table.js';
import { imagesOf, type ImageRow } from '../images/images.projection.js';
import { upsertImages } from '../images/images.table.js';
import { usageOf, type UsageDelta } from '../usage/usage.projection.js';
import { addUsage } from '../usage/usage.table.js';

/** An event that does not follow from the rows before it. */
export class MisfitEvent extends Error {}

/** Another projector has moved the checkpoint: nothing was written. */
export class CheckpointLost extends Error {}

/**
 * Projects a batch: rows and checkpoint in one transaction, one statement per table. Answers the new checkpoint.
 * @throws CheckpointLost, MisfitEvent, or what Postgres says; then nothing was written, or (a commit whose answer was
 * lost) all of it: the checkpoint tells
 */
export async function writeBatch(
  em: EntityManager,
  events: readonly [RecordedEvent, ...RecordedEvent[]],
  checkpoint: Checkpoint,
): Promise<Checkpoint> {
  const position = events[events.length - 1]!.position;
  return inTransaction(em, async (tx) => {
    if (!(await advanceCheckpoint(tx, checkpoint, position))) throw new CheckpointLost();

    const known = await loadGenerations(tx, [...new Set(events.map((event) => event.generationId))]);
    const { rows, images, usage } = project(events, known);
    await upsertGenerations(tx, rows);
    await upsertImages(tx, images);
    await addUsage(tx, usage);
    return { logId: checkpoint.logId, position };
  });
}

interface Changes {
  readonly rows: readonly GenerationRow[];
  readonly images: readonly ImageRow[];
  readonly usage: readonly UsageDelta[];
}

function project(events: readonly RecordedEvent[], known: readonly GenerationRow[]): Changes {
  const rows = new Map(known.map((row) => [row.id, row]));
  const images: ImageRow[] = [];
  const usage: UsageDelta[] = [];
  for (const event of events) {
    try {
      const row = projectGeneration(rows.get(event.generationId) ?? null, event);
      rows.set(row.id, row);
      images.push(...imagesOf(event, row));
      const delta = usageOf(event, row);
      if (delta) usage.push(delta);
    } catch (error) {
      throw new MisfitEvent((error as Error).message, { cause: error });
    }
  }
  return { rows: [...rows.values()], images, usage };
}
