import { findModel, MODELS, type Model } from '@darkroom/domain';
import { ModelSwitchboard } from '@darkroom/events';
import { Argument, InvalidArgumentError, type Command } from 'commander';
import { say, withStores } from '../stores.js';
import { modelLine, stateOf } from './model-lines.js';

const modelArgument = () => new Argument('<model>', 'owner/name').argParser(parseModel);

/** `darkroom models`, and what it is switched with. */
export function addModels(program: Command): void {
  const models = program
    .command('models')
    .summary('which models are offered; switch one on or off')
    .description(
      'Lists every model: what the catalogue says of it, and what an operator has decided, since when and why.',
    )
    .option('--json', 'as JSON', false)
    .action(list);
  models
    .command('off')
    .summary('offer a model no longer')
    .description(
      'Takes effect within a second at every gateway and lasts, over restarts of everything, until `on` or `reset`. New ' +
        'requests for it are refused with the note; what was accepted goes on.',
    )
    .addArgument(modelArgument())
    .option('--note <text>', 'why, for whoever asks for it')
    .action(off);
  models
    .command('on')
    .summary('offer a model again')
    .description(
      'Ends `off`. One that the catalogue has as retired or failing is offered all the same, until `off` or `reset`: ' +
        'whether it works, and what it costs, is the risk of whoever does this.',
    )
    .addArgument(modelArgument())
    .option('--note <text>', 'why, for whoever looks')
    .action(on);
  models.command('reset').summary('leave a model to the catalogue').addArgument(modelArgument()).action(reset);
}

function parseModel(id: string): Model {
  const model = findModel(id);
  if (!model) throw new InvalidArgumentError('There is no such model: `darkroom models` lists them.');
  return model;
}

async function list({ json }: { json: boolean }): Promise<void> {
  await withSwitchboard(async (board) => {
    const switches = await board.read();
    const states = MODELS.map((model) => stateOf(model, switches));
    if (json) return say(JSON.stringify(states, null, 2));
    const width = Math.max(...states.map(({ id }) => id.length));
    for (const state of states) say(modelLine(state, width));
    say(`${states.filter(({ active }) => active).length} of ${states.length} can be asked for.`);
  });
}

async function off({ id }: Model, { note }: { note?: string }): Promise<void> {
  await withSwitchboard(async (board) => {
    const before = await board.set(id, 'off', noteOf(note));
    say(
      before?.to === 'off'
        ? `${id} was switched off already, since ${before.since}.`
        : `${id} is switched off: requests for it are refused, what was accepted goes on. Until: darkroom models on ${id}`,
    );
  });
}

async function on({ id, availability }: Model, { note }: { note?: string }): Promise<void> {
  await withSwitchboard(async (board) => {
    if (availability.state !== 'offered') {
      await board.set(id, 'on', noteOf(note));
      return say(
        `${id} is offered, although it is ${availability.state} (${availability.note}). Until: darkroom models reset ${id}`,
      );
    }
    // Left to the catalogue: were it written down, it would outlast the day on which a release retires the model.
    const before = await board.reset(id);
    say(before?.to === 'off' ? `${id} is offered again.` : `${id} was not switched off.`);
  });
}

async function reset({ id, availability }: Model): Promise<void> {
  await withSwitchboard(async (board) => {
    const before = await board.reset(id);
    say(before ? `${id} is ${availability.state} again, as the catalogue has it.` : `${id} was not switched.`);
  });
}

function noteOf(note: string | undefined): string | null {
  return note?.trim() || null;
}

async function withSwitchboard(run: (board: ModelSwitchboard) => Promise<void>): Promise<void> {
  await withStores(async ({ broker }) => run(await ModelSwitchboard.open(broker)));
}
