import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { makeWhole, withDebianPackage } from '../support/servers.mjs';
import { ROOT } from './compose-file.js';

export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

const CACHE = join(ROOT, '.darkroom/cache/prometheus');

/**
 * Prometheus and its promtool: of PATH, of the cache, or out of Debian's package, which is unpacked into the cache and not
 * installed. On a machine that has no way to them: null, and why.
 */
export async function findPrometheus(): Promise<{ programs: PrometheusPrograms | null; why: string }> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), CACHE];
  const found = folders
    .map(programsIn)
    .find(({ prometheus, promtool }) => existsSync(prometheus) && existsSync(promtool));
  if (found) return { programs: found, why: '' };
  try {
    await withDebianPackage({ name: 'prometheus' }, (unpacked) =>
      makeWhole(CACHE, (unfinished) => {
        mkdirSync(unfinished);
        for (const program of ['prometheus', 'promtool']) {
          copyFileSync(join(unpacked, 'usr/bin', program), join(unfinished, program));
          chmodSync(join(unfinished, program), 0o755);
        }
      }),
    );
    return { programs: programsIn(CACHE), why: '' };
  } catch (error) {
    return { programs: null, why: ` (no Prometheus: ${(error as Error).message.split('\n')[0]})` };
  }
}

function programsIn(folder: string): PrometheusPrograms {
  return { prometheus: join(folder, 'prometheus'), promtool: join(folder, 'promtool') };
}
