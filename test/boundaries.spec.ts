import { describe, expect, it } from '@jest/globals';
import { globSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';

const ROOT = resolve(import.meta.dirname, '..');

/** What each room may import of ours. Dependencies point inwards: apps, then libs, then the domain. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'libs/domain': [],
  'libs/config': [],
  'libs/storage': ['libs/domain'],
  'libs/provider': [],
  'libs/events': ['libs/domain'],
  'libs/read-models': ['libs/domain', 'libs/events'],
  'libs/observability': ['libs/domain', 'libs/events'],
  'apps/gateway': [
    'libs/config',
    'libs/domain',
    'libs/events',
    'libs/observability',
    'libs/provider',
    'libs/read-models',
    'libs/storage',
  ],
  'apps/worker': [
    'libs/config',
    'libs/domain',
    'libs/events',
    'libs/observability',
    'libs/provider',
    'libs/read-models',
    'libs/storage',
  ],
  'apps/cli': ['libs/config', 'libs/domain', 'libs/events', 'libs/read-models', 'libs/storage'],
  // The domain for its catalogue of models alone: one source of facts.
  'apps/simulator': ['libs/config', 'libs/domain', 'libs/provider'],
};

interface Import {
  readonly file: string;
  readonly room: string;
  readonly specifier: string;
  /** The room of ours that it leads to; null for a package. */
  readonly target: string | null;
}

const roomOf = (path: string): string => path.split(sep).slice(0, 2).join('/');

const files = globSync('{apps,libs}/*/src/**/*.ts', { cwd: ROOT }).filter(
  (file) => !/\.(spec|contract)\.ts$|spec-support\.ts$/.test(file),
);

const imports: Import[] = files.flatMap((file) => {
  const source = readFileSync(join(ROOT, file), 'utf8');
  return ts.preProcessFile(source).importedFiles.map(({ fileName: specifier }) => {
    const own = /^@darkroom\/(.+)$/.exec(specifier);
    const target = own
      ? `libs/${own[1]}`
      : specifier.startsWith('.')
        ? roomOf(relative(ROOT, resolve(ROOT, file, '..', specifier)))
        : null;
    return { file, room: roomOf(file), specifier, target };
  });
});

describe('import boundaries', () => {
  it('are known for every room, and every room is looked at', () => {
    expect([...new Set(files.map(roomOf))].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
    expect(imports.length).toBeGreaterThan(500);
  });

  it('lead inwards only', () => {
    const wrong = imports.filter(
      ({ room, target }) => target !== null && target !== room && !MAY_IMPORT[room]?.includes(target),
    );
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });

  it('go through the front door of a library', () => {
    const wrong = imports.filter(
      ({ room, specifier, target }) => target !== null && target !== room && specifier.startsWith('.'),
    );
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });

  it('keep the domain free of packages, Node included', () => {
    const wrong = imports.filter(({ room, target }) => room === 'libs/domain' && target === null);
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });

  it('leave the environment to the one file that checks it', () => {
    const readers = files.filter((file) => readFileSync(join(ROOT, file), 'utf8').includes('process.env'));
    expect(readers).toEqual([join('libs', 'config', 'src', 'load-config.ts')]);
  });
});
