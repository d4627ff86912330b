import { isIP } from 'node:net';
import { isPublicAddress } from './public-address.js';

const LOCAL_NAMES = /(^|\.)(localhost|local|internal|intranet|lan|home\.arpa)$/;

/**
 * Whether an address, by what is written in it, points anywhere but to the public internet: an IP address that is not
 * public in any of its spellings, or a name that only a private network knows. What a public name resolves to is for
 * whoever connects to check (publicLookup).
 * @param url an absolute http(s) URL
 */
export function pointsToPrivateNetwork(url: string): boolean {
  // The URL parser turns every spelling of an IPv4 address (octal, hexadecimal, one number) into the usual one.
  const host = new URL(url).hostname.toLowerCase().replace(/\.$/, '');
  const address = host.replace(/^\[|\]$/g, '');
  if (isIP(address) !== 0) return !isPublicAddress(address);
  return LOCAL_NAMES.test(host) || !host.includes('.');
}
