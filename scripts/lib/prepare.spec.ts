import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprintOf } from './build.mjs';
import { isInstalled } from './dependencies.mjs';
import { isSupported } from './node-runtime.mjs';
import { localSecrets } from './secrets.mjs';
import { readSettings } from './settings.mjs';
import { countTests } from './test-report.mjs';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'darkroom-prepare-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('isSupported', () => {
  it.each(['22.17.0', '22.20.1', '24.0.0'])('takes %s', (version) => expect(isSupported(version)).toBe(true));
  it.each(['18.20.0', '20.20.2', '22.16.9'])('refuses %s', (version) => expect(isSupported(version)).toBe(false));
});

describe('readSettings', () => {
  it('takes an empty variable for an unset one', () => {
    expect(readSettings({ PORT: '', NATS_URL: '' })).toMatchObject({ port: 3000, natsUrl: undefined });
  });

  it.each(['0', '70000', 'http', '3000.5'])('refuses the port %s by name', (value) => {
    expect(() => readSettings({ WORKER_PORT: value })).toThrow(
      `WORKER_PORT must be a port (1 to 65535), but is ${value}`,
    );
  });
});

describe('isInstalled', () => {
  const wanted = {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '2.0.0', optional: true },
  };
  const install = async (packages: object) => {
    await mkdir(join(folder, 'node_modules'), { recursive: true });
    await writeFile(join(folder, 'node_modules/.package-lock.json'), JSON.stringify({ packages }));
  };
  beforeEach(() => writeFile(join(folder, 'package-lock.json'), JSON.stringify({ packages: wanted })));

  it('is false before npm has finished', () => expect(isInstalled(folder)).toBe(false));

  it.each([
    [true, 'all is there', { 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.0.0' } }],
    [true, 'an optional package is for another platform', { 'node_modules/a': { version: '1.0.0' } }],
    [false, 'one is missing', { 'node_modules/b': { version: '2.0.0' } }],
    [false, 'one has another version', { 'node_modules/a': { version: '1.0.1' } }],
  ])('is %s when %s', async (expected, _, packages) => {
    await install(packages);
    expect(isInstalled(folder)).toBe(expected);
  });
});

describe('fingerprintOf', () => {
  beforeEach(async () => {
    await mkdir(join(folder, 'apps/a'), { recursive: true });
    for (const room of ['libs', 'bench']) await mkdir(join(folder, room));
    await writeFile(join(folder, 'apps/a/main.ts'), 'export {};');
  });

  it('changes with a file, its name and the packages, and with nothing else', async () => {
    const seen = [fingerprintOf(folder)];
    expect(fingerprintOf(folder)).toBe(seen[0]);
    await writeFile(join(folder, 'apps/a/main.ts'), 'export { };');
    seen.push(fingerprintOf(folder));
    await rename(join(folder, 'apps/a/main.ts'), join(folder, 'libs/main.ts'));
    seen.push(fingerprintOf(folder));
    await writeFile(join(folder, 'package-lock.json'), '{}');
    seen.push(fingerprintOf(folder));
    expect(new Set(seen).size).toBe(4);
  });
});

describe('localSecrets', () => {
  it('are made once and readable by their owner only', async () => {
    const made = localSecrets(folder);
    expect(localSecrets(folder)).toEqual(made);
    expect((await stat(join(folder, 'secrets.json'))).mode & 0o777).toBe(0o600);
    expect(made.adminKey).toMatch(/^dk_[0-9a-f]{48}$/);
  });
});

describe('countTests', () => {
  const report = { numPassedTests: 3, numFailedTests: 1, numRuntimeErrorTestSuites: 2 };
  it.each([
    ['counts suites that could not run', report, 1, { passed: 3, failed: 3 }],
    [
      'counts a run that ended badly without naming a test',
      { ...report, numFailedTests: 0, numRuntimeErrorTestSuites: 0 },
      1,
      { passed: 3, failed: 1 },
    ],
    ['counts a run that wrote no report', undefined, 1, { passed: 0, failed: 1 }],
  ])('%s', (_, given, code, expected) => expect(countTests(given, code)).toEqual(expected));
});
