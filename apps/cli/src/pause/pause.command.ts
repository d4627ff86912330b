import { HOLDABLE_STAGES, StageHolds, type HoldableStage } from '@darkroom/events';
import { Argument, type Command } from 'commander';
import { say, withStores } from '../stores.js';

const stageArgument = () => new Argument('<stage>', 'which').choices(HOLDABLE_STAGES);

/** `darkroom pause` */
export function addPause(program: Command): void {
  program
    .command('pause')
    .summary('let a stage give out no work')
    .description(
      'Takes effect at once, for every worker, and lasts until `resume`, over restarts of everything. Requests are accepted ' +
        'and wait; what a worker has in its hands is finished.',
    )
    .addArgument(stageArgument())
    .option('--note <text>', 'why, for whoever looks')
    .action(pause);
}

/** `darkroom resume` */
export function addResume(program: Command): void {
  program
    .command('resume')
    .summary('let a stage give out work again')
    .description("Ends every hold of a stage: an operator's pause, and the one that Darkroom makes for want of credit.")
    .addArgument(stageArgument())
    .action(resume);
}

async function pause(stage: HoldableStage, { note }: { note?: string }): Promise<void> {
  await withStores(async ({ broker }) => {
    const holds = await StageHolds.open(broker);
    const before = (await holds.list()).find((hold) => hold.stage === stage && hold.reason === 'operator');
    await holds.pause(stage, note ?? null);
    say(
      before?.complete
        ? `${stage} was paused already, since ${before.since ?? 'an unknown time'}.`
        : `${stage} is paused. What is in hand is finished; the rest waits until: darkroom resume ${stage}`,
    );
  });
}

async function resume(stage: HoldableStage): Promise<void> {
  await withStores(async ({ broker }) => {
    const held = await (await StageHolds.open(broker)).resume(stage);
    say(held ? `${stage} goes on.` : `${stage} was not held.`);
  });
}
