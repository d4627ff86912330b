import { SaxesParser, type SaxesAttributeNS, type SaxesTagNS } from 'saxes';
import { ImageError } from '../decode-image.js';
import { ATTRIBUTES, ELEMENTS, REFERRING, UNWRAPPED, WITH_TEXT } from './allow-list.js';
import { isLocalReference, safeCss } from './safe-css.js';
import { sizeOfSvg, type SvgSize } from './svg-size.js';

const SVG = 'http://www.w3.org/2000/svg';
const XLINK = 'http://www.w3.org/1999/xlink';
const XML = 'http://www.w3.org/XML/1998/namespace';

/** Of the text. A drawing of a model has some hundred kilobytes. */
const MAX_BYTES = 10_000_000;
const MAX_ELEMENTS = 200_000;
const MAX_DEPTH = 256;

/** Pictures within the drawing, as data. */
const EMBEDDED = /^data:image\/(?:png|jpe?g|webp);base64,/i;

/** A drawing that runs, loads and leads to nothing. */
export interface SafeSvg extends SvgSize {
  /** XML 1.0 in UTF-8, made anew: nothing is copied that was not read and understood. */
  readonly text: string;
  /** Files of the pictures within it. They have not been looked at. */
  readonly embedded: readonly Buffer[];
  /** The same drawing, to be drawn at a size of its own. */
  readonly resizedTo: (width: number, height: number) => string;
}

/**
 * Takes over from a drawing what is on a list (allow-list.ts) and nothing else: no scripts and event handlers, no
 * animation, no foreign content, no links, no reference out of the document, no entities, no style that loads, no
 * metadata, comments and processing instructions.
 * @throws ImageError `not_an_image` when it is no SVG, `corrupt` when it is not well-formed or tells no size,
 * `too_complex` when it is too long, too deep, or has too many elements
 */
export function sanitizeSvg(content: Uint8Array): SafeSvg {
  if (content.byteLength > MAX_BYTES) throw new ImageError('too_complex', `An SVG of more than ${MAX_BYTES} bytes`);
  const drawing = new Drawing();
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw new ImageError(drawing.begun ? 'corrupt' : 'not_an_image', `Not a well-formed SVG: ${error.message}`);
  });
  parser.on('opentag', (tag) => drawing.open(tag));
  parser.on('closetag', () => drawing.close());
  parser.on('text', (text) => drawing.text(text));
  parser.on('cdata', (text) => drawing.text(text));
  parser.write(decode(content)).close();
  return drawing.finish();
}

function decode(content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch (error) {
    throw new ImageError('not_an_image', 'Neither an image that we take nor text in UTF-8', { cause: error });
  }
}

/** An element that is open: what of it is written, and what becomes of what it holds. */
interface Open {
  readonly name: string;
  readonly written: boolean;
  readonly textKept: boolean;
  /** A style sheet is judged when all of it has come. */
  css?: string;
}

/** What has been taken over so far. */
class Drawing {
  readonly embedded: Buffer[] = [];
  #root: ReadonlyMap<string, string> | undefined;
  readonly #body: string[] = [];
  readonly #open: Open[] = [];
  /** Elements within one that was left out. */
  #skipped = 0;
  #elements = 0;

  get begun(): boolean {
    return this.#root !== undefined;
  }

  open(tag: SaxesTagNS): void {
    if (++this.#elements > MAX_ELEMENTS)
      throw new ImageError('too_complex', `An SVG of more than ${MAX_ELEMENTS} elements`);
    if (this.#open.length + this.#skipped >= MAX_DEPTH)
      throw new ImageError('too_complex', `An SVG of more than ${MAX_DEPTH} elements within each other`);
    const { local: name } = tag;
    if (!this.#root) {
      if (name !== 'svg' || tag.uri !== SVG) throw new ImageError('not_an_image', `XML, but no SVG: <${name}>`);
      this.#root = this.#attributes(tag);
      this.#open.push({ name, written: false, textKept: false });
      return;
    }
    const holder = this.#open.at(-1);
    const known = tag.uri === SVG && (ELEMENTS.has(name) || UNWRAPPED.has(name));
    const attributes = known && this.#skipped === 0 && holder?.css === undefined ? this.#attributes(tag) : null;
    if (!attributes || (name === 'image' && !hasHref(attributes))) {
      this.#skipped++;
      return;
    }
    if (UNWRAPPED.has(name)) {
      this.#open.push({ name, written: false, textKept: holder?.textKept ?? false });
      return;
    }
    const style = name === 'style';
    if (!style) this.#body.push(`<${name}${attributeText(attributes)}>`);
    this.#open.push({ name, written: !style, textKept: WITH_TEXT.has(name), ...(style && { css: '' }) });
  }

  text(text: string): void {
    const open = this.#open.at(-1);
    if (this.#skipped > 0 || !open?.textKept) return;
    if (open.css !== undefined) open.css += text;
    else this.#body.push(escapeText(text));
  }

  close(): void {
    if (this.#skipped > 0) {
      this.#skipped--;
      return;
    }
    const { name, written, css } = this.#open.pop()!;
    const safe = css === undefined ? null : safeCss(css);
    if (safe) this.#body.push(`<style>${escapeText(safe)}</style>`);
    if (written) this.#body.push(`</${name}>`);
  }

  finish(): SafeSvg {
    const root = this.#root;
    if (!root) throw new ImageError('not_an_image', 'There is no SVG in it');
    const size = sizeOfSvg(root);
    const body = this.#body.join('');
    const document = (attributes: ReadonlyMap<string, string>): string =>
      `<svg xmlns="${SVG}" xmlns:xlink="${XLINK}"${attributeText(attributes)}>${body}</svg>\n`;
    return {
      text: document(root),
      ...size,
      embedded: this.embedded,
      resizedTo: (width, height) => document(resized(root, size, width, height)),
    };
  }

  #attributes(tag: SaxesTagNS): Map<string, string> {
    const kept = new Map<string, string>();
    for (const attribute of Object.values(tag.attributes)) {
      const value = this.#valueOf(tag.local, attribute);
      if (value !== null) kept.set(nameOf(attribute), value);
    }
    return kept;
  }

  /** Null for what is left out. */
  #valueOf(element: string, { uri, local, value }: SaxesAttributeNS): string | null {
    if (local === 'href' && (uri === '' || uri === XLINK)) return this.#hrefOf(element, value.trim());
    if (uri === XML) return local === 'space' || local === 'lang' ? value : null;
    if (uri !== '' || !(ATTRIBUTES.has(local) || /^aria-[a-z]{1,40}$/.test(local))) return null;
    return local === 'style' || value.includes('(') ? safeCss(value) : value;
  }

  #hrefOf(element: string, href: string): string | null {
    if (element !== 'image') return REFERRING.has(element) && isLocalReference(href) ? href : null;
    const prefix = EMBEDDED.exec(href)?.[0];
    if (prefix === undefined) return null;
    const file = Buffer.from(href.slice(prefix.length), 'base64');
    this.embedded.push(file);
    return `${prefix.toLowerCase()}${file.toString('base64')}`;
  }
}

function nameOf({ uri, local }: SaxesAttributeNS): string {
  return uri === XLINK ? `xlink:${local}` : uri === XML ? `xml:${local}` : local;
}

function hasHref(attributes: ReadonlyMap<string, string>): boolean {
  return attributes.has('href') || attributes.has('xlink:href');
}

/** What was drawn on a page of the drawing's own size is drawn on one of another. */
function resized(
  root: ReadonlyMap<string, string>,
  size: SvgSize,
  width: number,
  height: number,
): ReadonlyMap<string, string> {
  const viewBox = root.get('viewBox') ?? `0 0 ${size.width} ${size.height}`;
  return new Map([...root, ['viewBox', viewBox], ['width', String(width)], ['height', String(height)]]);
}

function attributeText(attributes: ReadonlyMap<string, string>): string {
  return [...attributes].map(([name, value]) => ` ${name}="${escapeAttribute(value)}"`).join('');
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Line ends and tabs as references, or else a reader would make spaces of them. */
function escapeAttribute(text: string): string {
  return escapeText(text)
    .replaceAll('"', '&quot;')
    .replace(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}
