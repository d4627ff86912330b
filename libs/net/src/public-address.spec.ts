import { describe, expect, it } from '@jest/globals';
import type { LookupAddress } from 'node:dns';
import { assertPublicHost, isPublicAddress, publicLookup } from './public-address.js';

describe('isPublicAddress', () => {
  it.each(['1.1.1.1', '185.199.108.153', '2606:4700:4700::1111'])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    ['loopback', '127.0.0.1'],
    ['loopback', '::1'],
    ['private', '10.1.2.3'],
    ['private', '172.16.0.1'],
    ['private', '192.168.1.1'],
    ['unique local', 'fd00::1'],
    ['cloud metadata', '169.254.169.254'],
    ['link-local', 'fe80::1'],
    ['shared by a carrier', '100.64.0.1'],
    ['this host', '0.0.0.0'],
    ['any', '::'],
    ['multicast', '224.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['documentation', '192.0.2.1'],
    ['mapped loopback', '::ffff:127.0.0.1'],
    ['mapped private', '::ffff:a00:1'],
    ['NAT64 of loopback', '64:ff9b::7f00:1'],
    ['6to4 of loopback', '2002:7f00:1::'],
    ['local NAT64', '64:ff9b:1::7f00:1'],
    ['compatible loopback', '::127.0.0.1'],
    ['translated loopback', '::ffff:0:127.0.0.1'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['site-local', 'fec0::1'],
    ['multicast of IPv6', 'ff02::1'],
    ['documentation of IPv6', '2001:db8::1'],
    ['newer documentation of IPv6', '3fff::1'],
    ['segment routing', '5f00::1'],
    ['never given out', '4000::1'],
    ['benchmarking', '198.18.0.1'],
    ['reserved', '240.0.0.1'],
    ['protocol assignments', '192.0.0.192'],
    ['no address', 'example.org'],
  ])('%s is not: %s', (_kind, address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('assertPublicHost', () => {
  it.each(['example.org', '1.1.1.1', '[2606:4700:4700::1111]'])('lets %s pass', (host) => {
    expect(() => assertPublicHost(host)).not.toThrow();
  });

  it.each(['http://2130706433/', 'http://0x7f.1/', 'http://127.1/', 'http://[::1]/', 'http://[::ffff:10.0.0.1]/'])(
    'sees through %s',
    (url) => {
      expect(() => assertPublicHost(new URL(url).hostname)).toThrow(
        expect.objectContaining({ name: 'PrivateAddressError' }),
      );
    },
  );
});

describe('publicLookup', () => {
  const lookUp = (addresses: readonly string[] | Error, all: boolean) =>
    new Promise<string | readonly LookupAddress[]>((resolve, reject) => {
      const answers = publicLookup((_name, options, callback) => {
        expect(options.all).toBe(true);
        if (addresses instanceof Error) return callback(addresses, []);
        callback(
          null,
          addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        );
      });
      answers('example.org', { all }, (error, found) => (error ? reject(error) : resolve(found)));
    });

  it('answers what it was told, when all of it is public', async () => {
    expect(await lookUp(['1.1.1.1'], false)).toBe('1.1.1.1');
    expect(await lookUp(['1.1.1.1', '2606:4700:4700::1111'], true)).toEqual([
      { address: '1.1.1.1', family: 4 },
      { address: '2606:4700:4700::1111', family: 6 },
    ]);
  });

  it.each([[['10.0.0.1']], [['1.1.1.1', '10.0.0.1']], [['::ffff:127.0.0.1']], [[]]])(
    'refuses a name with the addresses %j',
    async (addresses) => {
      for (const all of [true, false]) {
        await expect(lookUp(addresses, all)).rejects.toMatchObject({
          name: 'PrivateAddressError',
          message: 'example.org is not on the public internet',
        });
      }
    },
  );

  it('hands on that there is no such name', async () => {
    await expect(lookUp(new Error('ENOTFOUND'), true)).rejects.toThrow('ENOTFOUND');
  });
});
