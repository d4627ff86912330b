import { Command } from 'commander';
import { addDoctor } from './doctor/doctor.command.js';
import { addModels } from './models/models.command.js';
import { addPause, addResume } from './pause/pause.command.js';
import { addRebuild } from './rebuild/rebuild.command.js';
import { addRedrive } from './redrive/redrive.command.js';
import { addStuck } from './stuck/stuck.command.js';

/** Every command of the operator. */
export function createProgram(): Command {
  const program = new Command('darkroom')
    .description(
      'Commands for operators of Darkroom. They read NATS_URL, NATS_CREDS, DATABASE_URL, STORAGE_URL, DATA_DIR and LOG_LEVEL.',
    )
    .showHelpAfterError()
    .exitOverride();
  addRebuild(program);
  addDoctor(program);
  addStuck(program);
  addRedrive(program);
  addPause(program);
  addResume(program);
  addModels(program);
  return program;
}
