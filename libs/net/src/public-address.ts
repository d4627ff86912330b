import ipaddr from 'ipaddr.js';
import { lookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/** What IANA gives out of IPv6 as global unicast; the few special ranges within it are looked for by name. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether an address is one of the public internet. Everything that is set aside for something else is not: private,
 * loopback, link-local (cloud metadata), shared, multicast, documentation, and the IPv6 ranges that wrap an IPv4 address.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv6 && !parsed.match(GLOBAL_UNICAST)) return false;
  return parsed.range() === 'unicast';
}

/** A host, or what it resolves to, is not on the public internet. Its message names the host, and no address. */
export class PrivateAddressError extends Error {
  override readonly name = 'PrivateAddressError';

  constructor(host: string) {
    super(`${host} is not on the public internet`);
  }
}

/**
 * For a host that is a literal address, which is connected to without a lookup; says nothing of names.
 * @param hostname as a URL has it
 * @throws PrivateAddressError
 */
export function assertPublicHost(hostname: string): void {
  const literal = hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) !== 0 && !isPublicAddress(literal)) throw new PrivateAddressError(hostname);
}

/** `dns.lookup` for all addresses of a name. */
export type ResolveAll = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * A lookup for sockets, which fails with {@link PrivateAddressError} for a name with any address that is not public. The
 * socket connects to the very addresses that were checked here, so a name that changes its answer in between (DNS
 * rebinding) gains nothing.
 */
export function publicLookup(resolve: ResolveAll = lookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const [first] = addresses;
      if (!first || !addresses.every(({ address }) => isPublicAddress(address)))
        return callback(new PrivateAddressError(hostname), []);
      if (options.all) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}
