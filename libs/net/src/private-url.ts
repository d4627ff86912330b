import ipaddr from 'ipaddr.js';

const LOCAL_NAMES = /(^|\.)(localhost|local|internal|intranet|lan|home\.arpa)$/;

/**
 * Whether an address, by what is written in it, points anywhere but to the public internet: an IP address that is not
 * public in any of its spellings, or a name that only a private network knows. What a public name resolves to is for
 * whoever connects to check.
 */
export function pointsToPrivateNetwork(url: string): boolean {
  // The URL parser turns every spelling of an IPv4 address (octal, hexadecimal, one number) into the usual one.
  const host = new URL(url).hostname.toLowerCase().replace(/\.$/, '');
  const address = host.replace(/^\[|\]$/g, '');
  if (ipaddr.isValid(address)) return ipaddr.process(address).range() !== 'unicast';
  return LOCAL_NAMES.test(host) || !host.includes('.');
}
