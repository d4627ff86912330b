import type { Command } from 'commander';
import { parseDuration } from '../duration-option.js';
import { say, withStores } from '../stores.js';
import { EXPLANATIONS, findStuck, type Stuck } from './find-stuck.js';

/** As long as the sweeper of a worker waits by itself. Milliseconds. */
const IDLE_MS = 120_000;

interface Options {
  readonly release: boolean;
  readonly json: boolean;
  readonly idle: number;
}

/** `darkroom stuck` */
export function addStuck(program: Command): void {
  program
    .command('stuck')
    .summary('what makes no progress, and why')
    .description(
      'Lists the generations that will not come to their end by themselves: those that wait although there is no work of ' +
        'them, and those whose attempt should have ended long ago. What waits in a queue is not stuck.',
    )
    .option('--release', 'put the work again of those that wait without', false)
    .option('--idle <time>', 'how long nothing must have happened to one', parseDuration, IDLE_MS)
    .option('--json', 'as JSON', false)
    .action(stuck);
}

async function stuck({ release, json, idle }: Options): Promise<void> {
  await withStores(async (stores) => {
    const now = new Date();
    const all = await findStuck(stores, now, idle);
    const released = new Set<string>();
    for (const { why, found } of release ? all : []) {
      if (why !== 'lost' && why !== 'given_up') continue;
      stores.signal.throwIfAborted();
      if (await stores.mender.release(found, now.toISOString())) released.add(found.id);
    }
    const rows = all.map((each) => ({ ...describe(each), released: released.has(each.found.id) }));
    if (json) return say(JSON.stringify(rows, null, 2));
    if (rows.length === 0) return say('Nothing is stuck.');
    for (const { id, user_id, status, stage, attempt, since, why, todo, released } of rows) {
      const where = status === null ? 'unreadable' : `${status}, ${stage} attempt ${attempt}, user ${user_id}`;
      say(`${id}  ${where}, since ${since ?? 'unknown'}: ${why}. ${released ? 'Sent on.' : `Do: ${todo}.`}`);
    }
    say(`${rows.length} stuck${release ? `, ${released.size} of them sent on` : ''}.`);
  });
}

function describe({ why, found: { id, generation, since } }: Stuck) {
  return {
    id,
    user_id: generation?.request.user_id ?? null,
    status: generation?.status ?? null,
    stage: generation?.stage ?? null,
    attempt: generation ? (generation.current?.attempt ?? generation.spent[generation.stage]) : null,
    since,
    code: why,
    why: EXPLANATIONS[why].why,
    todo: EXPLANATIONS[why].todo.replace('<id>', id),
  };
}
