import { CommanderError } from 'commander';
import { createProgram } from './program.js';
import { Stopped } from './stop-signal.js';

/** Exit codes: 0 done, 1 failed, 2 not understood, 128 + n ended by signal n. */
async function main(): Promise<number> {
  try {
    await createProgram().parseAsync();
    return 0;
  } catch (error) {
    // Commander has said what it had to say.
    if (error instanceof CommanderError) return error.code === 'commander.helpDisplayed' ? 0 : 2;
    process.stderr.write(`darkroom: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof Stopped ? error.exitCode : 1;
  }
}

process.exitCode = await main();
