import type { GenerationView } from '@darkroom/domain';
import { encodeCursor } from '@darkroom/read-models';
import type { ListOptions, Page } from '../application/generations.service.js';
import { invalid } from '../errors/app-error.js';
import { fieldErrors } from '../errors/validation.js';
import { listOptionsOf, listQuery } from '../rest/list.query.js';
import { camelView, snakeKeys } from './names.js';

export interface ConnectionArguments {
  readonly first: number;
  readonly after?: string | null;
  readonly filter?: Readonly<Record<string, unknown>> | null;
  readonly minPosition?: number | null;
}

/**
 * The page that is asked for. The arguments are brought into the form of REST's query, and checked as that is.
 * @throws AppError `validation_failed`
 */
export function listOptionsFrom({ first, after, filter, minPosition }: ConnectionArguments): ListOptions {
  const { metadata, ...fields } = snakeKeys(filter ?? {});
  if (metadata != null && (typeof metadata !== 'object' || Array.isArray(metadata))) {
    throw invalid([{ field: 'metadata', message: 'metadata: must be an object of strings' }]);
  }
  const labels = Object.entries(metadata ?? {}).map(([key, value]) => [`metadata.${key}`, value as unknown] as const);
  const given = [
    ['limit', String(first)] as const,
    ['cursor', after] as const,
    ['min_position', minPosition == null ? null : String(minPosition)] as const,
    ...Object.entries(fields),
  ].filter(([, value]) => value != null);
  // A label of null is no missing filter: it would show everything.
  const query = listQuery.safeParse(Object.fromEntries([...given, ...labels]));
  if (!query.success) throw invalid(fieldErrors(query.error.issues));
  return listOptionsOf(query.data);
}

/** A page as a connection, as Relay's specification has it. */
export function connectionOf(page: Page, { cursor }: ListOptions): Record<string, unknown> {
  const edges = page.generations.map((view) => ({ node: camelView(view), cursor: cursorOf(view) }));
  return {
    edges,
    pageInfo: {
      hasNextPage: page.nextCursor !== null,
      // Where a cursor was, there is at least the generation that it names.
      hasPreviousPage: cursor !== null,
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    position: page.position,
  };
}

/** Behind this generation the next page begins: any can be the last that a client keeps. */
function cursorOf({ id, created_at }: GenerationView): string {
  return encodeCursor({ createdAt: created_at, id });
}
