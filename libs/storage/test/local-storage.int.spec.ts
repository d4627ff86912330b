import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { openStorage } from '../src/index.js';

const PNG = { contentType: 'image/png' };
const MODULE = new URL('../src/local-storage.ts', import.meta.url).href;

/** Runs statements that see `storage`, opened on the folder, in a Node process of their own. */
function runInProcess(folder: string, statements: string, fileSizeLimitBlocks?: number): ChildProcess {
  const program = `
    import { registerHooks } from 'node:module';
    registerHooks({ resolve: (name, context, next) => next(name.startsWith('./') ? name.replace(/js$/, 'ts') : name, context) });
    const { LocalStorage } = await import(${JSON.stringify(MODULE)});
    const storage = new LocalStorage(${JSON.stringify(folder)});
    ${statements}`;
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
  const limit = fileSizeLimitBlocks ? `ulimit -f ${fileSizeLimitBlocks};` : '';
  const env = { ...process.env, NODE_OPTIONS: '' };
  return spawn('sh', ['-c', `${limit} exec "$@"`, 'sh', ...node], { stdio: ['ignore', 'pipe', 'inherit'], env });
}

describe('local files', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'darkroom-local-'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const incoming = () => readdir(join(folder, '.incoming'));

  it('shows no half file when the process is killed in the middle of a put', async () => {
    const child = runInProcess(
      folder,
      `async function* endless() {
         for (let chunks = 0; ; chunks++) {
           if (chunks === 20) process.stdout.write('half');
           yield Buffer.alloc(100_000, 1);
         }
       }
       await storage.put('killed/0.png', endless(), { contentType: 'image/png' });`,
    );
    await once(child.stdout!, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await incoming()).length).toBe(1);

    const storage = await openStorage(`file:${folder}`);
    expect(await storage.head('killed/0.png')).toBeNull();
    await storage.put('killed/0.png', Buffer.from('whole'), PNG);
    expect((await buffer(await storage.read('killed/0.png'))).toString()).toBe('whole');
  });

  it('does not write again what is there, and does write what is of another size', async () => {
    const storage = await openStorage(`file:${folder}`);
    const file = async () => (await stat(join(folder, 'same/0.png'))).ino;
    await storage.put('same/0.png', Buffer.from('whole'), PNG);
    const first = await file();
    await storage.put('same/0.png', Buffer.from('whole'), PNG);
    expect(await file()).toBe(first);
    await storage.put('same/0.png', Buffer.from('longer'), PNG);
    expect(await file()).not.toBe(first);
    expect(await incoming()).toEqual([]);
  });

  it('says that there is no space, and leaves nothing behind', async () => {
    const child = runInProcess(
      folder,
      `await storage.put('big/0.png', Buffer.alloc(1_000_000), { contentType: 'image/png' }).catch((error) =>
         process.stdout.write(JSON.stringify({ name: error.name, code: error.code, retryable: error.retryable })));`,
      100,
    );
    expect(JSON.parse(await text(child.stdout!))).toEqual({ name: 'StorageError', code: 'full', retryable: true });
    expect(await incoming()).toEqual([]);
    expect(await (await openStorage(`file:${folder}`)).head('big/0.png')).toBeNull();
  });

  it('removes what a killed process left, once it is old, and nothing younger', async () => {
    await mkdir(join(folder, '.incoming'));
    for (const name of ['abandoned', 'in-progress']) await writeFile(join(folder, '.incoming', name), 'half');
    const twoDaysAgo = new Date(Date.now() - 48 * 3_600_000);
    await utimes(join(folder, '.incoming', 'abandoned'), twoDaysAgo, twoDaysAgo);
    await (await openStorage(`file:${folder}`)).put('a/0.png', Buffer.from('x'), PNG);
    expect(await incoming()).toEqual(['in-progress']);
  });

  it('is unavailable, in words, where no folder can be', async () => {
    await writeFile(join(folder, 'file'), '');
    const storage = await openStorage(`file:${folder}/file/images`);
    const unavailable = { name: 'StorageError', code: 'unavailable', retryable: true };
    await expect(storage.put('a/0.png', Buffer.from('x'), PNG)).rejects.toMatchObject(unavailable);
    await expect(storage.check()).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringContaining(`${folder}/file/images cannot be written`),
    });
  });

  // Permissions do not hold root back.
  (process.getuid?.() === 0 ? it.skip : it)('is denied a folder that it may not write', async () => {
    await chmod(folder, 0o500);
    const storage = await openStorage(`file:${folder}`);
    await expect(storage.put('a/0.png', Buffer.from('x'), PNG)).rejects.toMatchObject({ code: 'denied' });
    await expect(storage.check()).rejects.toMatchObject({ code: 'denied' });
  });

  it('makes no links', async () => {
    expect(await (await openStorage(`file:${folder}`)).signedUrl('a/0.png', 60)).toBeNull();
  });
});
