import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import ipaddr from 'ipaddr.js';

/** What a name resolves to at each further time that it is asked for; the last answer stays. */
export type Zone = Readonly<Record<string, readonly (readonly string[])[]>>;

export interface DnsServer {
  /** `address:port`. */
  readonly address: string;
  /** How often a name was asked for its addresses of a family. */
  asked(name: string, family: 4 | 6): number;
  stop(): void;
}

const TYPES: Readonly<Record<number, 4 | 6>> = { 1: 4, 28: 6 };

/** A name server for A and AAAA (RFC 1035, RFC 3596); `null` in place of a name's answers: it says nothing at all. */
export async function startDnsServer(zone: Readonly<Record<string, Zone[string] | null>>): Promise<DnsServer> {
  const counts = new Map<string, number>();
  const socket = createSocket('udp4', (message, { address, port }) => {
    const { name, type, end } = questionOf(message);
    const family = TYPES[type];
    const key = `${name} ${family}`;
    const times = counts.get(key) ?? 0;
    counts.set(key, times + 1);
    const answers = zone[name];
    if (answers === null) return;
    const addresses = (answers?.[Math.min(times, answers.length - 1)] ?? []).filter(
      (text) => family === (text.includes(':') ? 6 : 4),
    );
    const header = Buffer.from(message.subarray(0, 12));
    // A recursive answer; NXDOMAIN for a name that is not in the zone.
    header.writeUInt16BE(answers ? 0x8180 : 0x8183, 2);
    header.writeUInt16BE(addresses.length, 6);
    header.fill(0, 8);
    const records = addresses.map((text) => {
      const data = Buffer.from(ipaddr.parse(text).toByteArray());
      const record = Buffer.alloc(12);
      // The name of the question, class IN, no time to live.
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(type, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt16BE(data.length, 10);
      return Buffer.concat([record, data]);
    });
    socket.send(Buffer.concat([header, message.subarray(12, end), ...records]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  return {
    address: `127.0.0.1:${port}`,
    asked: (name, family) => counts.get(`${name} ${family}`) ?? 0,
    stop: () => socket.close(),
  };
}

function questionOf(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}
