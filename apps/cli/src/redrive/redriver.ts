import { CommandRunner } from '@darkroom/events';
import type { FailedFilters } from '@darkroom/read-models';
import { setTimeout as delay } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import type { Stores } from '../stores.js';
import type { RedriveOptions } from './redrive.command.js';

const SOURCE = '/darkroom/cli';
/** Who RetryRequested says it was. */
const BY = 'operator';
const PAGE = 200;

/** Begins failed generations anew. */
export class Redriver {
  readonly #runner: CommandRunner;

  constructor(private readonly stores: Stores) {
    this.#runner = new CommandRunner(stores.store, { source: SOURCE });
  }

  /** Whether it was failed, and now is not. @throws EventStoreError */
  async retry(id: string): Promise<boolean> {
    const at = new Date().toISOString();
    const outcome = await this.#runner.execute(id, { type: 'Retry', by: BY, commandId: uuidv7(), at });
    return outcome.kind === 'done';
  }

  /**
   * One generation, whatever its state. Answers what was done.
   * @throws Error that says why nothing can be done
   */
  async one(id: string): Promise<string> {
    if (await this.retry(id)) return `${id} begins anew.`;
    const now = new Date().toISOString();
    const found = await this.stores.mender.examine(id, now);
    const status = found.generation?.status;
    if (found.standing === 'unknown') throw new Error(`There is no generation ${id}.`);
    if (status === 'completed' || status === 'cancelled') throw new Error(`${id} is ${status}: that is final.`);
    if (found.standing === 'lost' || found.standing === 'given_up') {
      const sent = await this.stores.mender.release(found, now);
      if (sent) return `${id} waited for ${sent.stage} without work: it is sent on${sent.at ? ` at ${sent.at}` : ''}.`;
    }
    return `${id} is ${status ?? 'on its way'}, and there is work of it: nothing to do.`;
  }
}

/** All that failed as the filters say, one after the other. Ended in the midst, the rest is failed as before. */
export async function redriveFailed(
  stores: Stores,
  { since, code, stage, limit, perSecond, dryRun }: RedriveOptions,
  say: (line: string) => void,
): Promise<void> {
  const { failed } = stores.readModels;
  const filters: FailedFilters = { since, code, stage };
  const counts = await failed.counts(filters);
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  for (const each of counts) say(`${each.count} failed at ${each.stage} with ${each.code}`);
  if (total === 0) return say('Nothing failed like that.');
  if (dryRun) return say(`${Math.min(total, limit)} of ${total} would begin anew.`);

  const redriver = new Redriver(stores);
  let [seen, begun] = [0, 0];
  let after: string | null = null;
  try {
    while (seen < limit) {
      const page = await failed.page(filters, after, Math.min(PAGE, limit - seen));
      for (const { id } of page) {
        stores.signal.throwIfAborted();
        if (await redriver.retry(id)) begun++;
        seen++;
        await delay(1_000 / perSecond, undefined, { signal: stores.signal }).catch(() => undefined);
      }
      if (page.length === 0) break;
      after = page.at(-1)!.id;
    }
  } finally {
    say(`${begun} of ${total} begin anew${seen > begun ? `; ${seen - begun} were not failed any more` : ''}.`);
  }
}
