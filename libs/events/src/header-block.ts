import type { JsMsg } from '@nats-io/jetstream';
import { MsgHdrsImpl, type MsgHdrs } from '@nats-io/nats-core';

/** Headers by name: the first value of each. */
export type Attributes = ReadonlyMap<string, string>;

/** Where the client (3.4) keeps a message as it came. Not part of its interface: looked at with care. */
interface ReceivedMessage {
  readonly msg?: { readonly _msg?: { readonly hdr?: unknown }; readonly _rdata?: unknown };
}

/**
 * The headers of a message, read from its bytes. The client's own way makes a map of lists of slices of one long text,
 * which takes as long as all the rest of reading a log, and keeps that text alive with every value that is kept. Null when
 * the client has changed inside, or for headers beyond ASCII: take `headers` then.
 */
export function readAttributes(message: JsMsg): Attributes | null {
  const block = blockOf(message);
  return block && parseBlock(block);
}

/** One of them, by its exact name. Null as well when there is none. */
export function readAttribute(message: JsMsg, name: string): string | null {
  const block = blockOf(message);
  const at = block?.indexOf(`\r\n${name}:`, 0, 'latin1') ?? -1;
  if (!block || at < 0) return null;
  const start = at + name.length + 3;
  return block.toString('latin1', start, block.indexOf('\r\n', start, 'latin1')).trim();
}

function blockOf(message: JsMsg): Buffer | null {
  const { msg } = message as ReceivedMessage;
  const length = msg?._msg?.hdr;
  const bytes = msg?._rdata;
  if (typeof length !== 'number' || length < 0 || !(bytes instanceof Uint8Array)) return null;
  return Buffer.from(bytes.buffer, bytes.byteOffset, length);
}

/** `NATS/1.0`, then lines of `Name: value`, each ended by CR LF, and an empty one. Null unless it is all ASCII. */
export function parseBlock(block: Buffer): Attributes | null {
  const text = block.toString('utf8');
  if (text.length !== block.length || !text.startsWith('NATS/1.0')) return null;
  const attributes = new Map<string, string>();
  for (let start = text.indexOf('\r\n') + 2; ;) {
    const end = text.indexOf('\r\n', start);
    if (end <= start) return attributes;
    const colon = text.indexOf(':', start);
    if (colon > start && colon < end) {
      const name = text.slice(start, colon);
      // A text of its own, not a slice of the block.
      if (!attributes.has(name)) attributes.set(name, block.toString('latin1', colon + 1, end).trim());
    }
    start = end + 2;
  }
}

/** Every header by its name. The client's own `get` looks through all of them each time. */
export function attributesOf(h: MsgHdrs): Attributes {
  const attributes = new Map<string, string>();
  for (const [name, values] of h) {
    const [value] = values;
    if (value !== undefined) attributes.set(name, value);
  }
  return attributes;
}

const encoder = new TextEncoder();

/** Headers that are only sent: the client would make a map of lists of them first. Values have no line breaks. */
export class SentHeaders extends MsgHdrsImpl {
  constructor(private readonly attributes: Readonly<Record<string, string>>) {
    super();
  }

  override encode(): Uint8Array {
    const parts = ['NATS/1.0\r\n'];
    for (const name in this.attributes) parts.push(name, ': ', this.attributes[name]!, '\r\n');
    return encoder.encode(parts.join('') + '\r\n');
  }
}
