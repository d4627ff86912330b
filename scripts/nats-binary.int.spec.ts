import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNatsServer } from './lib/nats-binary.mjs';
import { fetchNatsByApt } from './lib/nats-apt.mjs';
import { fetchNatsRelease } from './lib/nats-release.mjs';
import { RELEASE } from './lib/nats-release-sums.mjs';

let folder: string;
let cacheDir: string;
let said: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'darkroom nats '));
  cacheDir = join(folder, 'cache');
  said = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program that answers `--version` like a nats-server of this version. */
async function fakeServer(path: string, version: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  await chmod(path, 0o755);
  return path;
}

/** No way out: an address that refuses connections, and a machine that is no Debian. */
const offline = () => ({ downloadUrl: 'http://127.0.0.1:1/releases', etc: join(folder, 'no-etc') });

const find = (options: { explicit?: string; searchPath?: string; downloadUrl?: string; etc?: string }) =>
  findNatsServer({
    cacheDir,
    searchPath: '',
    explicit: undefined,
    ...offline(),
    say: (line) => said.push(line),
    ...options,
  });

describe('findNatsServer', () => {
  it('takes NATS_SERVER_BIN, and says so', async () => {
    const explicit = await fakeServer(join(folder, 'mine'), '2.12.3');
    expect(await find({ explicit })).toBe(explicit);
    expect(said).toEqual([`2.12.3 from NATS_SERVER_BIN (${explicit})`]);
  });

  it('refuses a NATS_SERVER_BIN that is too old or absent instead of taking another', async () => {
    const explicit = await fakeServer(join(folder, 'mine'), '2.10.27');
    await expect(find({ explicit })).rejects.toThrow(/NATS_SERVER_BIN: .*2\.10\.27, too old: 2\.12\.0 is needed/);
    await expect(find({ explicit: join(folder, 'absent') })).rejects.toThrow(/absent cannot be run/);
  });

  it('takes the cache before PATH', async () => {
    await fakeServer(join(folder, 'bin/nats-server'), '2.12.0');
    const cached = await fakeServer(join(cacheDir, 'nats-server'), '2.14.5');
    expect(await find({ searchPath: join(folder, 'bin') })).toBe(cached);
    expect(said).toEqual([`2.14.5 from the cache (${cached})`]);
  });

  it.each(['2.9.10', '2.10.27'])('passes over %s on PATH with a line that says what to do', async (version) => {
    const old = await fakeServer(join(folder, 'old/nats-server'), version);
    const good = await fakeServer(join(folder, 'new/nats-server'), '3.0.0');
    expect(await find({ searchPath: `${join(folder, 'old')}:${join(folder, 'new')}` })).toBe(good);
    expect(said[0]).toBe(
      `not taken: ${old} is nats-server ${version}, too old: 2.12.0 is needed. Install a newer one, or set NATS_SERVER_BIN to one.`,
    );
  });

  it('gives up within seconds, saying what to do, when there is no way out', async () => {
    const since = Date.now();
    await expect(find({})).rejects.toThrow(
      /No nats-server 2\.12\.0 or newer .*set NATS_SERVER_BIN to it; or set NATS_URL/,
    );
    expect(Date.now() - since).toBeLessThan(5_000);
    expect(said).toContainEqual(expect.stringContaining('not from the official release: http://127.0.0.1:1/releases'));
    expect(said).toContainEqual(expect.stringContaining("not from Debian's archive"));
  });
});

describe('the official release', () => {
  let server: Server;
  let baseUrl: string;
  let archive: Buffer;
  let archiveName: string;
  let sums: string;
  const destination = () => join(cacheDir, 'nats-server');

  beforeEach(async () => {
    const machine = { x64: 'amd64', arm64: 'arm64' }[process.arch as 'x64' | 'arm64'];
    const stem = `nats-server-v${RELEASE}-${process.platform}-${machine}`;
    archiveName = `${stem}.tar.gz`;
    await fakeServer(join(folder, stem, 'nats-server'), RELEASE);
    archive = execFileSync('tar', ['-czf', '-', stem], { cwd: folder });
    sums = `${createHash('sha256').update(archive).digest('hex')}  ${archiveName}\n`;
    server = createServer((request, response) => {
      const file = request.url?.split('/').at(-1);
      if (file === 'SHA256SUMS') response.end(sums);
      else if (file === archiveName) response.end(archive);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    baseUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/releases/`;
  });
  afterEach(() => {
    server.close();
  });

  it('is taken when it has the published sum', async () => {
    await fetchNatsRelease({ destination: destination(), baseUrl, pinned: {} });
    expect(execFileSync(destination(), ['--version'], { encoding: 'utf8' })).toContain(RELEASE);
    expect(await readdir(cacheDir)).toEqual(['nats-server']);
  });

  it('is refused, and nothing is kept, when the sum is another', async () => {
    sums = `${'0'.repeat(64)}  ${archiveName}\n`;
    await expect(fetchNatsRelease({ destination: destination(), baseUrl, pinned: {} })).rejects.toThrow(
      /has the SHA-256 .* refused/,
    );
    expect(existsSync(cacheDir)).toBe(false);
  });

  it('is held to the sum in the repository rather than to the one beside it', async () => {
    const found = find({ downloadUrl: baseUrl });
    if (process.platform === 'linux') await expect(found).rejects.toThrow(/No nats-server/);
    expect(said).toContainEqual(expect.stringMatching(/not from the official release: .*refused/));
    expect(existsSync(destination())).toBe(false);
  });

  it('is not kept when it was cut short', async () => {
    archive = archive.subarray(0, archive.length - 20);
    sums = `${createHash('sha256').update(archive).digest('hex')}  ${archiveName}\n`;
    await expect(fetchNatsRelease({ destination: destination(), baseUrl, pinned: {} })).rejects.toThrow(/tar/);
    expect(await readdir(cacheDir)).toEqual([]);
  });

  it('survives two starts that fetch it at the same time', async () => {
    const both = [1, 2].map(() => fetchNatsRelease({ destination: destination(), baseUrl, pinned: {} }));
    await Promise.all(both);
    expect(await readFile(destination(), 'utf8')).toContain(RELEASE);
  });
});

describe("Debian's archive", () => {
  const isDebian =
    existsSync('/etc/os-release') &&
    /^ID=debian$/m.test(execFileSync('cat', ['/etc/os-release'], { encoding: 'utf8' }));
  const onDebian = isDebian ? it : it.skip;

  onDebian(
    'gives a real server that is new enough, and installs nothing',
    async () => {
      const destination = join(cacheDir, 'nats-server');
      await fetchNatsByApt({ destination });
      expect(execFileSync(destination, ['--version'], { encoding: 'utf8' })).toMatch(/v2\.(1[2-9]|[2-9]\d)\./);
      expect(await readdir(cacheDir)).toEqual(['nats-server']);
    },
    120_000,
  );

  it('is passed over on another system', async () => {
    await mkdir(join(folder, 'etc'));
    await writeFile(join(folder, 'etc/os-release'), 'ID=fedora\n');
    await expect(fetchNatsByApt({ destination: join(cacheDir, 'x'), etc: join(folder, 'etc') })).rejects.toThrow(
      'no Debian',
    );
  });
});
