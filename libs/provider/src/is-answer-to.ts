import canonicalize from 'canonicalize';
import { createHash } from 'node:crypto';
import type { Prediction, PredictionRequest } from './provider.port.js';

/** What the provider was given for an image of the input. */
export interface SentImage {
  /** As it stands in the input that is compared with. */
  readonly address: string;
  /** Of its bytes, lower-case hex. */
  readonly sha256: string;
  /** The provider's file that was sent in its place; null: a data URI was. */
  readonly file_url: string | null;
}

export interface Asked extends Pick<PredictionRequest, 'model' | 'input'> {
  /** The images in `input` for which something else was sent. Left out: none. */
  readonly sent?: readonly SentImage[];
}

/**
 * Whether a prediction could be the answer to this request: it has the same model and the same input. Images are compared
 * by their bytes, since a provider may spell a data URI in its own way; what cannot be told to be the same is another,
 * for it could be somebody else's.
 */
export function isAnswerTo({ model, input }: Prediction, { model: asked, input: wanted, sent = [] }: Asked): boolean {
  if (model !== asked) return false;
  if (sent.length === 0) return canonicalText(input) === canonicalText(wanted);
  const contents = new Map<string, string>();
  for (const { address, sha256, file_url: file } of sent) {
    contents.set(address, contentName(sha256));
    if (file !== null) contents.set(file, contentName(sha256));
  }
  const name = (text: string): string => contents.get(text) ?? nameOfDataUri(text) ?? text;
  return canonicalize(withTexts(input, name)) === canonicalize(withTexts(wanted, name));
}

/** Of inputs that are compared with many others. */
const canonicalTexts = new WeakMap<object, string>();

function canonicalText(input: object): string {
  const known = canonicalTexts.get(input);
  if (known !== undefined) return known;
  const text = canonicalize(input) ?? '';
  canonicalTexts.set(input, text);
  return text;
}

const contentName = (sha256: string): string => `sha256:${sha256}`;

/** RFC 2397. Null for any other text. */
function nameOfDataUri(text: string): string | null {
  const [head, base64] = /^data:[^,]{0,200}?(;base64)?,/i.exec(text) ?? [];
  if (head === undefined) return null;
  const data = text.slice(head.length);
  const content = base64 ? Buffer.from(data, 'base64') : Buffer.from(data);
  return contentName(createHash('sha256').update(content).digest('hex'));
}

/** A JSON value with every text in it, keys excepted, replaced. */
function withTexts(value: unknown, replace: (text: string) => string): unknown {
  if (typeof value === 'string') return replace(value);
  if (Array.isArray(value)) return value.map((item) => withTexts(item, replace));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withTexts(inner, replace)]));
}
