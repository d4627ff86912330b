import { describe, expect, it } from '@jest/globals';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import ts from 'typescript';
import { MALLOC, NODE_ARGS } from '../support/servers.mjs';
import { imageEnvironment, ROOT } from './compose-file.js';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const dockerfile = read('Dockerfile');

/** Packages that a source asks for when it runs: imports of types are gone by then. */
function packagesOf(file: string): string[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest);
  const specifiers = source.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const typesOnly = ts.isImportDeclaration(statement)
      ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : statement.isTypeOnly;
    const from = statement.moduleSpecifier;
    return from && ts.isStringLiteral(from) && !typesOnly ? [from.text] : [];
  });
  return specifiers
    .filter((name) => !/^(\.|node:|@darkroom\/)/.test(name) && !builtinModules.includes(name))
    .map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
}

describe('the image', () => {
  it('has every package that runs in it: none is a development dependency', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    const files = globSync('{apps,libs}/*/src/**/*.ts', { cwd: ROOT }).filter(
      (file) => !/\.(spec|contract)\.ts$|spec-support\.ts$/.test(file),
    );
    const missing = files.flatMap((file) =>
      packagesOf(file)
        .filter((name) => !(name in dependencies))
        .map((name) => `${file}: ${name}`),
    );
    expect(files.length).toBeGreaterThan(100);
    expect(missing).toEqual([]);
  });

  it('is built of files that are there and go to the builder', () => {
    const allowed = read('.dockerignore')
      .match(/^!.+$/gm)
      ?.map((line) => line.slice(1));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) =>
      sources!.split(' '),
    );
    expect(copied.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect([...new Set(copied)].sort()).toEqual(allowed?.sort());
  });

  it('ends with what runs it: production dependencies, no root, and a program that gets the signals', () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
    expect(last.match(/^ENV /gm)).toHaveLength(4);
    expect(imageEnvironment()).toEqual({
      NODE_ENV: 'production',
      DATA_DIR: '/data',
      NODE_OPTIONS: NODE_ARGS.join(' '),
      ...MALLOC,
    });
    expect(last).toContain('COPY --from=dependencies /app/node_modules');
    expect(dockerfile).toMatch(/AS dependencies\n[^#]*RUN npm ci --ignore-scripts --omit=dev\n/);
    expect(last).toContain('\nUSER node\n');
    expect(last).toMatch(/\nCMD \["node", .*\]\n$/);
  });
});
