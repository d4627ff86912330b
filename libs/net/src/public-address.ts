import ipaddr from 'ipaddr.js';
import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { DownloadError } from './download-error.js';

/**
 * Whether an address is one of the public internet. Everything that is set aside for something else is not: private,
 * loopback, link-local (cloud metadata), shared, multicast, documentation, and the IPv6 ranges that wrap an IPv4 address.
 */
export function isPublicAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/** Throws `private_address` for a host that is a literal address and not public; says nothing of names. */
export function assertPublicHost(hostname: string): void {
  const literal = hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) !== 0 && !isPublicAddress(literal)) throw privateAddress(hostname);
}

/**
 * `dns.lookup` that fails for a name with any address that is not public. The socket connects to the very addresses that
 * were checked here, so a name that changes its answer in between (DNS rebinding) gains nothing.
 */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, []);
    const [first] = addresses;
    if (!first || !addresses.every(({ address }) => isPublicAddress(address)))
      return callback(privateAddress(hostname), []);
    if (options.all) return callback(null, addresses);
    callback(null, first.address, first.family);
  });
};

function privateAddress(host: string): DownloadError {
  return new DownloadError('private_address', `${host} is not on the public internet`);
}
