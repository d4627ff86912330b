import { STATUSES } from '@darkroom/domain';
import { z } from 'zod';
import type { ListOptions } from '../application/generations.service.js';
import { isStorable } from '../application/storable-text.js';

const METADATA = 'metadata.';
const number = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number')
  .transform(Number);
const time = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 time' })
  .transform((text) => new Date(text).toISOString());

/** The query of a list, `metadata.<key>` included; anything else is refused, since a filter with a slip would show all. */
export const listQuery = z
  .object({
    limit: number.pipe(z.int().min(1).max(100)).default(20),
    cursor: z.string().max(500).optional(),
    status: z.enum(STATUSES).optional(),
    model_id: z.string().max(200).optional(),
    created_after: time.optional(),
    created_before: time.optional(),
    batch_id: z.string().max(100).optional(),
    min_position: number.optional(),
  })
  .catchall(z.string())
  .superRefine((query, context) => {
    for (const [key, value] of Object.entries(query)) {
      if (!Object.hasOwn(listQuery.shape, key) && !(key.startsWith(METADATA) && key.length > METADATA.length)) {
        context.addIssue({ code: 'custom', path: [key], message: 'is not a known filter' });
      }
      if (!isStorable(`${key}${value}`)) {
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'must not contain U+0000 or half of a surrogate pair',
        });
      }
    }
  });

export type ListQuery = z.output<typeof listQuery>;

/** What a checked query asks the service for. */
export function listOptionsOf(query: ListQuery): ListOptions {
  return {
    limit: query.limit,
    cursor: query.cursor ?? null,
    minPosition: query.min_position ?? 0,
    filters: {
      status: query.status,
      modelId: query.model_id,
      createdAfter: query.created_after,
      createdBefore: query.created_before,
      batchId: query.batch_id,
      metadata: metadataFilter(query),
    },
  };
}

/** The pairs that `metadata.<key>=<value>` asks for. */
function metadataFilter(query: ListQuery): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query)
      .filter(([key]) => key.startsWith(METADATA))
      .map(([key, value]) => [key.slice(METADATA.length), String(value)]),
  );
}
