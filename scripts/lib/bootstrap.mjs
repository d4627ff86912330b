import { join } from 'node:path';
import { buildProject } from './build.mjs';
import { installDependencies } from './dependencies.mjs';
import { withLock } from './lock.mjs';
import { projectRoot } from './settings.mjs';

/**
 * Brings the checkout into a state in which it can run: packages and, when asked for, the build. Two starts at the same
 * time do it one after the other.
 *
 * @param {{ build: boolean, say: (line: string) => void, signal?: AbortSignal }} options
 */
export async function prepareProject({ build, say, signal }) {
  await withLock(join(projectRoot, '.darkroom', 'prepare.lock'), {
    onWait: (pid) => say(`waiting: process ${pid} is preparing this checkout`),
    work: async () => {
      await installDependencies({ projectRoot, say, signal });
      if (build) await buildProject({ projectRoot, say, signal });
    },
  });
}
