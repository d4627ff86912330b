import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { askNameServers, type ResolveAll } from '@darkroom/net';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { startDnsServer, type DnsServer, type Zone } from '../../../../test/support/dns-server.js';
import { hostileUrls, localNames, unfetchableUrls } from '../../../../test/support/hostile-urls.js';
import { fetchImage } from '../download/fetch-image.js';
import { fetchSource } from './fetch-source.js';

const STORAGE = { read: () => Promise.reject(new Error('There is no storage here')) };
const NEVER = new AbortController().signal;

/** The lists must be whole when the tests are named; the port is put in when they run. */
const PORT = 65_432;
const URLS = [...hostileUrls(PORT), ...localNames(PORT), ...unfetchableUrls(PORT)];

/** IANA has given this part of global unicast to nobody: it is public, and nothing is there. */
const NOBODY = '2000::1';

const ZONE: Zone = {
  'loopback.example': [['127.0.0.1']],
  'private.example': [['10.0.0.1']],
  'metadata.example': [['169.254.169.254']],
  'loopback6.example': [['::1']],
  'mapped.example': [['::ffff:127.0.0.1']],
  'nat64.example': [['64:ff9b::7f00:1']],
  'any.example': [['0.0.0.0']],
  'half.example': [[NOBODY, '127.0.0.1']],
  'other-half.example': [['127.0.0.1', NOBODY]],
  'nothing.example': [[]],
  // Public when it is checked, private when it is used.
  'rebinding.example': [[NOBODY], ['127.0.0.1']],
  'rebinding6.example': [[NOBODY], ['::1']],
  'rebinding-metadata.example': [[NOBODY], ['169.254.169.254']],
};

describe('hostile sources', () => {
  let listener: Server;
  let listener6: Server | null;
  let port: number;
  let connections = 0;
  let names: DnsServer;
  let resolve: ResolveAll;
  let redirecting: HttpServer;
  let location = '';

  beforeAll(async () => {
    names = await startDnsServer(ZONE);
    resolve = askNameServers([names.address]);
    const count = (): void => void (connections += 1);
    listener = createServer((socket) => socket.destroy()).on('connection', count);
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    ({ port } = listener.address() as AddressInfo);
    // Where the machine has IPv6.
    const also = createServer((socket) => socket.destroy()).on('connection', count);
    listener6 = await new Promise((resolve) => {
      also.once('error', () => resolve(null)).listen(port, '::1', () => resolve(also));
    });
    redirecting = createHttpServer((_request, response) => response.writeHead(302, { location }).end());
    redirecting.listen(0, '127.0.0.1');
    await once(redirecting, 'listening');
  });
  afterAll(async () => {
    names.stop();
    redirecting.closeAllConnections();
    for (const server of [listener, listener6, redirecting]) server?.close();
  });
  beforeEach(() => {
    connections = 0;
  });
  afterEach(() => expect(connections).toBe(0));

  const here = (url: string): string => url.replaceAll(String(PORT), String(port));
  const fetch = (url: string) => fetchSource(url, STORAGE, { allowPrivateUrls: false, resolve }, NEVER);

  it('are many, and somebody would notice a connection', async () => {
    expect(URLS.length + Object.keys(ZONE).length).toBeGreaterThanOrEqual(60);
    const connected = once(listener, 'connection');
    await expect(
      fetchSource(`http://127.0.0.1:${port}/`, STORAGE, { allowPrivateUrls: true }, NEVER),
    ).rejects.toMatchObject({ code: 'network' });
    await connected;
    expect(connections).toBe(1);
    connections = 0;
  });

  it.each(URLS)('%s is not connected to', async (url) => {
    const error = await fetch(here(url)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: 'DownloadError',
      code: expect.stringMatching(/^(private_address|invalid_url)$/),
    });
  });

  it.each(URLS.filter((url) => !['//127.0.0.1/a.png', 'https://', 'a.png'].includes(url)))(
    'a redirect to %s is not followed',
    async (url) => {
      location = encodeURI(decodeURI(here(url)));
      const { port: own } = redirecting.address() as AddressInfo;
      const first = `http://127.0.0.1:${own}/a.png`;
      const allowPrivate = (hop: URL): boolean => hop.href === first;
      // The first hop is ours, and http; what it leads to is held to what any source is.
      const fetched = fetchImage(first, { allowPrivate, resolve });
      await expect(fetched).rejects.toMatchObject({ name: 'DownloadError' });
      const code = await fetched.catch((error: { code: string }) => error.code);
      expect(['private_address', 'invalid_url', 'network']).toContain(code);
    },
  );

  it('a redirect from https to http is none that is followed', async () => {
    const url = `http://127.0.0.1:${port}/a.png`;
    await expect(fetchImage(url, { secureOnly: true, allowPrivate: () => true })).rejects.toMatchObject({
      code: 'invalid_url',
    });
  });

  it.each(Object.keys(ZONE))('%s is not connected to, whatever it resolves to', async (name) => {
    const error = await fetch(`https://${name}:${port}/a.png`).catch((thrown: unknown) => thrown);
    // Of a name that changes its mind, what was checked is connected to; nobody is there. It is asked for no second time.
    const isNobody = name.startsWith('rebinding') || name === 'nothing.example';
    const codes = isNobody ? /^(network|timeout)$/ : /^private_address$/;
    expect(error).toMatchObject({ name: 'DownloadError', code: expect.stringMatching(codes) });
    expect([names.asked(name, 4), names.asked(name, 6)]).toEqual([1, 1]);
  });
});
