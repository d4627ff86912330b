import { JetStreamLogReader } from '@darkroom/events';
import { rebuildReadModels } from '@darkroom/read-models';
import type { Command } from 'commander';
import { readConfig } from '../config.js';
import { connectLog } from '../connect-log.js';
import { stopSignal } from '../stop-signal.js';
import { describeReport, ProgressLines } from './progress-lines.js';

/** `darkroom rebuild` */
export function addRebuild(program: Command): void {
  program
    .command('rebuild')
    .summary('make the read models again from the log')
    .description(
      'Makes the tables behind lists and usage again from the first event on, beside the live ones, and swaps them in one ' +
        'transaction. Reads and projections go on all the while; nothing is sent to anybody. When it is ended before the ' +
        'swap, in whatever way, the live tables are as before.',
    )
    .action(rebuild);
}

async function rebuild(): Promise<void> {
  const config = readConfig();
  const say = (line: string): void => void process.stdout.write(`rebuild   | ${line}\n`);
  const warn = (line: unknown): void => void process.stderr.write(`rebuild   | ${String(line)}\n`);
  const signal = stopSignal();
  signal.addEventListener('abort', () => warn('stopping, and removing what was made'), { once: true });

  const broker = await connectLog(config, signal);
  const lines = new ProgressLines();
  try {
    const report = await rebuildReadModels({
      url: config.databaseUrl,
      reader: new JetStreamLogReader(broker),
      logger: { log: say, warn },
      signal,
      onProgress(progress) {
        const line = lines.next(progress, performance.now());
        if (line && config.verbose) say(line);
      },
    });
    say(describeReport(report));
  } finally {
    await broker.close();
  }
}
