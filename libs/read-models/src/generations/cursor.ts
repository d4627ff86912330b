/** Where a page ended: lists are ordered by these two, newest first. */
export interface PagePosition {
  /** ISO 8601 UTC, as the generation shows it. */
  readonly createdAt: string;
  readonly id: string;
}

/** A cursor that no list has given out. */
export class BadCursor extends Error {
  readonly code = 'bad_cursor';

  constructor() {
    super('Not a cursor of this list');
    this.name = 'BadCursor';
  }
}

/** The cursor that continues after `position`. Opaque to clients, but it holds no secret: they have seen both values. */
export function encodeCursor({ createdAt, id }: PagePosition): string {
  return Buffer.from(JSON.stringify([createdAt, id])).toString('base64url');
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @throws BadCursor */
export function decodeCursor(cursor: string): PagePosition {
  const [createdAt, id] = parse(cursor);
  const valid =
    typeof createdAt === 'string' &&
    TIME.test(createdAt) &&
    !Number.isNaN(Date.parse(createdAt)) &&
    typeof id === 'string' &&
    UUID.test(id);
  if (!valid) throw new BadCursor();
  return { createdAt, id };
}

function parse(cursor: string): unknown[] {
  if (cursor.length > 200) throw new BadCursor();
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(value) && value.length === 2 ? value : [];
  } catch {
    throw new BadCursor();
  }
}
