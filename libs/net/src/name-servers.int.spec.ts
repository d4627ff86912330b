import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LookupAddress } from 'node:dns';
import { startDnsServer, type DnsServer } from '../../../test/support/dns-server.js';
import { askNameServers } from './name-servers.js';

describe('askNameServers', () => {
  let server: DnsServer;
  beforeAll(async () => {
    server = await startDnsServer({
      'both.example': [['1.1.1.1', '2606:4700:4700::1111']],
      'four.example': [['1.1.1.1', '1.0.0.1']],
      'six.example': [['2606:4700:4700::1111']],
      'empty.example': [[]],
      'silent.example': null,
    });
  });
  afterAll(() => server.stop());

  const resolve = (name: string) =>
    new Promise<string[]>((resolve, reject) => {
      askNameServers([server.address])(name, { all: true }, (error, addresses: LookupAddress[]) =>
        error ? reject(error) : resolve(addresses.map(({ address, family }) => `${address}/${family}`)),
      );
    });

  it.each([
    ['both.example', ['1.1.1.1/4', '2606:4700:4700::1111/6']],
    ['four.example', ['1.1.1.1/4', '1.0.0.1/4']],
    ['six.example', ['2606:4700:4700::1111/6']],
  ])('tells all addresses of %s', async (name, addresses) => {
    expect((await resolve(name)).sort()).toEqual(addresses.sort());
  });

  it.each([
    ['no.example', 'ENOTFOUND'],
    ['empty.example', 'ENODATA'],
  ])('fails for %s with %s', async (name, code) => {
    await expect(resolve(name)).rejects.toMatchObject({ code });
  });

  it('gives up on a server that says nothing', async () => {
    const since = performance.now();
    await expect(resolve('silent.example')).rejects.toMatchObject({ code: 'ETIMEOUT' });
    expect(performance.now() - since).toBeLessThan(10_000);
    expect(server.asked('silent.example', 4)).toBe(2);
  }, 15_000);
});
