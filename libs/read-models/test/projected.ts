import type { RecordedEvent } from '@darkroom/events';
import { projectGeneration, type GenerationRow } from '../src/generations/generations.projection.js';
import type { Story } from './stories.js';

/** Every event of a story with its generation after it. */
export function projectedSteps(story: Story): { event: RecordedEvent; row: GenerationRow }[] {
  const rows = new Map<string, GenerationRow>();
  return story.events.map((event) => {
    const row = projectGeneration(rows.get(event.generationId) ?? null, event);
    rows.set(row.id, row);
    return { event, row };
  });
}
