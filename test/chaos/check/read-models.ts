import { fold } from '@darkroom/domain';
import { isDeepStrictEqual } from 'node:util';
import { historiesOf, type Evidence, type Violation } from './evidence.js';

/** The rows of PostgreSQL are the fold of the log, and every table is what a fresh projection makes of it. */
export function checkReadModels({ log, rows, tables }: Pick<Evidence, 'log' | 'rows' | 'tables'>): Violation[] {
  const histories = historiesOf(log);
  const drift = (generationId: string | null, what: string): Violation => ({ invariant: 'drift', generationId, what });
  const byId = new Map(rows.map((row) => [row.id, row]));
  const differing = [...histories].flatMap(([id, history]) => {
    const row = byId.get(id);
    const state = fold(history);
    const { version, position } = history.at(-1)!;
    if (!row) return [drift(id, 'has no row')];
    const expected = { status: state?.status, version, position };
    const found = { status: row.status, version: row.version, position: row.position };
    if (!isDeepStrictEqual(found, expected)) {
      return [drift(id, `its row says ${JSON.stringify(found)}, the log ${JSON.stringify(expected)}`)];
    }
    return isDeepStrictEqual(row.state, state) ? [] : [drift(id, 'the state of its row is not the fold of its events')];
  });
  const unknown = rows.filter(({ id }) => !histories.has(id)).map(({ id }) => drift(id, 'is not in the log'));
  const names = [...new Set([...Object.keys(tables.live), ...Object.keys(tables.fresh)])];
  const tablesApart = names
    .filter((name) => tables.live[name] !== tables.fresh[name])
    .map((name) => drift(null, `${name}: ${tables.live[name]}, and made from the log ${tables.fresh[name]}`));
  return [...differing, ...unknown, ...tablesApart];
}
