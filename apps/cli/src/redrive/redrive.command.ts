import { FAILURE_CODES, isGenerationId, STAGES, type FailureCode, type Stage } from '@darkroom/domain';
import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { parseCount, parseMoment } from '../duration-option.js';
import { say, withStores } from '../stores.js';
import { redriveFailed, Redriver } from './redriver.js';

export interface RedriveOptions {
  /** ISO 8601 UTC. */
  readonly since?: string;
  readonly code?: FailureCode;
  readonly stage?: Stage;
  readonly limit: number;
  readonly perSecond: number;
  readonly dryRun: boolean;
}

/** `darkroom redrive` */
export function addRedrive(program: Command): void {
  program
    .command('redrive')
    .summary('do failed generations again: one, or those of a time or a reason')
    .description(
      'Begins failed generations anew, where they failed. One that has not ended is sent on if there is no work of it. An ' +
        'image that was paid for and can still be fetched is not bought again.',
    )
    .addArgument(new Argument('[id]', 'of one generation').argParser(parseId))
    .option('--since <time>', 'those that failed since: 1h ago, or an ISO 8601 time', parseMoment)
    .addOption(new Option('--code <code>', 'those that failed with this code').choices(FAILURE_CODES))
    .addOption(new Option('--stage <stage>', 'those that failed at this stage').choices(STAGES))
    .option('--limit <number>', 'at most so many', parseCount, 1_000)
    .option('--per-second <number>', 'so many a second', parseCount, 10)
    .option('--dry-run', 'only count them', false)
    .action(redrive);
}

function parseId(text: string): string {
  if (!isGenerationId(text)) throw new InvalidArgumentError('It is not the id of a generation.');
  return text;
}

async function redrive(id: string | undefined, options: RedriveOptions, command: Command): Promise<void> {
  const { since, code, stage } = options;
  const isFiltered = [since, code, stage].some((filter) => filter !== undefined);
  if (id === undefined && !isFiltered) command.error('error: name an id, or --since, --code or --stage');
  if (id !== undefined && isFiltered) command.error('error: name an id or filters, not both');
  await withStores(async (stores) => {
    if (id !== undefined) say(await new Redriver(stores).one(id));
    else await redriveFailed(stores, options, say);
  });
}
