/**
 * Addresses that must never be connected to for a client, in every spelling that leads to this machine, a private network
 * or a cloud's metadata. What is written in them gives them away.
 * @param port where somebody listens and counts
 */
export function hostileUrls(port: number): string[] {
  const hosts = [
    // Loopback, in the spellings of inet_aton.
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '127.0.0.1.',
    '127.255.255.254',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0x7F.0x0.0x0.0x1',
    '0177.0.0.1',
    '0177.0.0.01',
    '017700000001',
    '%31%32%37.0.0.1',
    '①②⑦.⓪.⓪.①',
    '１２７.０.０.１',
    '127。0。0。1',
    // This host, and everybody.
    '0.0.0.0',
    '0',
    '0x0',
    '255.255.255.255',
    '224.0.0.1',
    '240.0.0.1',
    // Private, shared, set aside.
    '10.0.0.1',
    '10.255.255.255',
    '012.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '3232235521',
    '0300.0250.0.1',
    '100.64.0.1',
    '192.0.0.192',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    // Metadata of clouds.
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '0251.0376.0251.0376',
    '169.254.170.2',
    '[fd00:ec2::254]',
    // IPv6, by itself and around an IPv4 address.
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:a9fe:a9fe]',
    '[::127.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[2002:a9fe:a9fe::1]',
    '[2001:0:4136:e378:8000:63bf:80ff:fffe]',
    '[2001:db8::1]',
    '[fc00::1]',
    '[fd12:3456:789a::1]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
    '[100::1]',
  ];
  return hosts.map((host) => `https://${host}:${port}/a.png`);
}

/** Names that only this machine or a private network knows. */
export function localNames(port: number): string[] {
  const names = [
    'localhost',
    'LOCALHOST',
    'localhost.',
    'db.localhost',
    'metadata.google.internal',
    'printer.local',
    'nats',
  ];
  return names.map((name) => `https://${name}:${port}/a.png`);
}

/** What is no public https address for other reasons. */
export function unfetchableUrls(port: number): string[] {
  return [
    `http://example.com:${port}/a.png`,
    `https://user:secret@example.com:${port}/a.png`,
    `https://127.0.0.1:${port}@example.com/a.png`,
    `https://example.com@127.0.0.1:${port}/a.png`,
    'file:///etc/passwd',
    'ftp://example.com/a.png',
    'gopher://127.0.0.1:6379/_FLUSHALL',
    'data:image/png;base64,AAAA',
    'javascript:alert(1)',
    'ws://127.0.0.1/',
    '//127.0.0.1/a.png',
    'https://',
    'a.png',
  ];
}
