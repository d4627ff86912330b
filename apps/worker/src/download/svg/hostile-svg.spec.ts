import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { ImageError } from '../decode-image.js';
import { ATTRIBUTES, ELEMENTS } from './allow-list.js';
import { sanitizeSvg } from './sanitize-svg.js';

const SVG = 'http://www.w3.org/2000/svg';
const EVIL = 'https://evil.test/x';

const elements = fc.constantFrom(
  ...['g', 'path', 'use', 'image', 'style', 'a', 'switch', 'text', 'title', 'pattern', 'feImage', 'filter', 'SCRIPT'],
  ...['script', 'foreignObject', 'iframe', 'animate', 'set', 'handler', 'x:script', 'h:script', 'h:img', 'metadata'],
);
const names = fc.constantFrom(
  ...['href', 'xlink:href', 'x:href', 'xml:base', 'src', 'style', 'fill', 'filter', 'mask', 'd', 'class', 'id'],
  ...['onload', 'onclick', 'ONCLICK', 'h:onload', 'attributeName', 'values', 'to', 'aria-label', 'data-x', 'cursor'],
);
const pieces = fc.constantFrom(
  ...[
    'url(',
    ')',
    '#a',
    '"',
    "'",
    '\\',
    '/*',
    '*/',
    '@import ',
    ';',
    ':',
    '{',
    '}',
    ' ',
    '&lt;',
    '&amp;',
    '&#10;',
    '&#x5c;',
  ],
  ...[EVIL, 'javascript:alert(1)', 'data:text/html,x', 'data:image/svg+xml;base64,AA==', 'data:image/png;base64,AA=='],
  ...[
    'fill',
    'u',
    'rl(',
    'image-set(',
    'src(',
    'expression(',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    'rgb(1,2,3)',
    '\u00e9',
  ],
);
const text = fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join(''));
const attribute = fc.tuple(names, text).map(([name, value]) => ` ${name}="${value.replace(/["<]/g, '')}"`);

/** Elements within each other, often well-formed. */
const content = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    text,
    fc
      .tuple(elements, fc.uniqueArray(attribute, { maxLength: 3 }), fc.array(tie('node'), { maxLength: 3 }))
      .map(([name, attributes, children]) => `<${name}${attributes.join('')}>${children.join('')}</${name}>`),
  ),
})).node;

describe('whatever an SVG holds', () => {
  it('what is made of it is well-formed, holds only what is on the list, and refers to nothing outside', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.array(content, { maxLength: 5 }), (parts) => {
        const drawing =
          `<svg xmlns="${SVG}" xmlns:x="${SVG}" xmlns:h="http://www.w3.org/1999/xhtml" ` +
          `xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">${parts.join('')}</svg>`;
        let safe: string;
        try {
          safe = sanitizeSvg(Buffer.from(drawing)).text;
        } catch (error) {
          if (error instanceof ImageError) return;
          throw error;
        }
        taken++;
        assertHarmless(safe);
        expect(sanitizeSvg(Buffer.from(safe)).text).toBe(safe);
      }),
      { numRuns: 3_000 },
    );
    // The others were refused: enough must have come through for this to say anything.
    expect(taken).toBeGreaterThan(500);
  });
});

function assertHarmless(safe: string): void {
  const parser = new SaxesParser({ xmlns: true });
  let style = false;
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ uri, local, attributes }) => {
    expect([uri, ELEMENTS.has(local)]).toEqual([SVG, true]);
    style = local === 'style';
    for (const { name, local: attributeName, value } of Object.values(attributes)) {
      if (name.startsWith('xmlns')) continue;
      if (attributeName === 'href') expect(value).toMatch(/^(#[^\s]+|data:image\/png;base64,[\w+/=]*)$/);
      else expect([name, ATTRIBUTES.has(name) || name.startsWith('aria-')]).toEqual([name, true]);
      if (attributeName !== 'href' && name !== 'aria-label') assertLoadsNothing(value);
    }
  });
  parser.on('text', (shown) => {
    if (style) assertLoadsNothing(shown);
  });
  parser.write(safe).close();
}

/** Without brackets and at-rules CSS names no other file; an escape could be a bracket's name. */
function assertLoadsNothing(css: string): void {
  if (!css.includes('(')) return;
  expect(css).not.toMatch(/[\\@]|image-set|src\(|expression/);
  for (const [, inside = ''] of css.matchAll(/url\(([^)]*)\)?/gi)) expect(inside.trim()).toMatch(/^["']?#/);
}
