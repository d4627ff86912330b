import { describe, expect, it } from '@jest/globals';
import { assertPublicHost, isPublicAddress } from './address-guard.js';

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
        expect.objectContaining({ code: 'private_address', retryable: false }),
      );
    },
  );
});
