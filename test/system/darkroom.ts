import { join, resolve } from 'node:path';
import { launch, type Launched } from '../stack/launch.js';

const MAIN = join(resolve(import.meta.dirname, '../..'), 'dist', 'apps', 'cli', 'src', 'main.js');

/** The operator's command as a process, with nothing else in its environment. */
export function darkroom(env: Readonly<Record<string, string>>, ...args: string[]): Launched {
  return launch(process.execPath, ['--enable-source-maps', MAIN, ...args], { env: { PATH: process.env.PATH, ...env } });
}
