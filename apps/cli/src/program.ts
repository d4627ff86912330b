import { Command } from 'commander';
import { addRebuild } from './rebuild/rebuild.command.js';

/** Every command of the operator. */
export function createProgram(): Command {
  const program = new Command('darkroom')
    .description('Commands for operators of Darkroom. They read NATS_URL, NATS_CREDS, DATABASE_URL and LOG_LEVEL.')
    .showHelpAfterError()
    .exitOverride();
  addRebuild(program);
  return program;
}
