import { describe, expect, it } from '@jest/globals';
import { archiveSource } from './apt-sources.mjs';

const security = `Types: deb
URIs: http://archive.test/debian-security
Suites: bookworm-security
Components: main
`;

describe('archiveSource', () => {
  it('rewrites the stanza of the main archive and keeps its keys and options', () => {
    const content = `${security}
# the main archive
Types: deb deb-src
URIs: http://archive.test/debian
Suites: bookworm bookworm-updates
Components: main contrib
Architectures: amd64
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
`;
    expect(archiveSource([{ name: 'debian.sources', content }], 'bookworm', 'sid')).toEqual({
      name: 'sid.sources',
      content: `types: deb
uris: http://archive.test/debian
suites: sid
components: main
architectures: amd64
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
`,
    });
  });

  it('rewrites a line and keeps its options', () => {
    const content = `# deb http://archive.test/old bookworm main
deb http://archive.test/debian-security bookworm-security main
deb-src http://archive.test/debian bookworm main
deb [signed-by=/usr/share/keyrings/a.gpg arch=amd64] http://archive.test/debian bookworm main contrib # ours
`;
    expect(archiveSource([{ name: 'sources.list', content }], 'bookworm', 'sid')).toEqual({
      name: 'sid.list',
      content: 'deb [signed-by=/usr/share/keyrings/a.gpg arch=amd64] http://archive.test/debian sid main\n',
    });
  });

  it('names the suite that is asked for', () => {
    const files = [{ name: 'sources.list', content: 'deb http://archive.test/debian stable main\n' }];
    expect(archiveSource(files, 'trixie', 'trixie')).toEqual({
      name: 'trixie.list',
      content: 'deb http://archive.test/debian trixie main\n',
    });
  });

  it.each([
    ['only other archives', security],
    [
      'a stanza that is switched off',
      `Enabled: no\nTypes: deb\nURIs: http://a.test/debian\nSuites: bookworm\nComponents: main\n`,
    ],
    ['sources without main', `Types: deb\nURIs: http://a.test/debian\nSuites: bookworm\nComponents: contrib\n`],
  ])('finds nothing in %s', (_, content) => {
    expect(archiveSource([{ name: 'x.sources', content }], 'bookworm', 'sid')).toBeUndefined();
  });
});
