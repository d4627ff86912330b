import { describe, expect, it } from '@jest/globals';
import { SaxesParser } from 'saxes';
import { sanitizeSvg } from './sanitize-svg.js';

const NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"';
const svg = (body: string, attributes = 'width="10" height="20"') => `<svg ${NAMESPACES} ${attributes}>${body}</svg>`;
const clean = (text: string) => sanitizeSvg(Buffer.from(text)).text;
/** What is left of the content of a drawing. */
const body = (text: string) => /^<svg [^>]*>(.*)<\/svg>\n$/s.exec(clean(svg(text)))![1];

/** Every element and attribute of well-formed XML. */
function read(text: string): { names: string[]; attributes: [string, string][] } {
  const names: string[] = [];
  const attributes: [string, string][] = [];
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', (tag) => {
    names.push(tag.name);
    for (const { name, value } of Object.values(tag.attributes)) attributes.push([name, value]);
  });
  parser.write(text).close();
  return { names, attributes };
}

describe('sanitizeSvg', () => {
  it('takes over a drawing as it is', () => {
    const drawing =
      '<defs><linearGradient id="g" gradientTransform="rotate(45)"><stop offset="0" stop-color="rgb(1,2,3)"></stop></linearGradient>' +
      '<clipPath id="c"><circle cx="5" cy="5" r="4"></circle></clipPath></defs>' +
      '<g clip-path="url(#c)" style="mix-blend-mode: multiply"><path d="M0 0L9 9" fill="url(#g)"></path></g>' +
      '<use xlink:href="#c" href="#c"></use><text x="1" xml:space="preserve">a &lt; b &amp; c<tspan dy="1">d</tspan></text>';
    expect(body(drawing)).toBe(drawing);
  });

  it('is stable: what it has made it leaves as it is', () => {
    const once = clean(svg('<style>/* x */.a>.b{fill:red}</style><text>"é"&#10;</text><path d="M0\n0"/>'));
    expect(clean(once)).toBe(once);
  });

  it.each([
    ['a script', '<script>alert(1)</script>'],
    ['a script elsewhere', '<script href="https://evil.test/x.js"/>'],
    ['a script of another prefix', '<s:script xmlns:s="http://www.w3.org/2000/svg">alert(1)</s:script>'],
    ['a script of HTML', '<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>'],
    ['a script in CDATA', '<script><![CDATA[alert(1)]]></script>'],
    [
      'foreign content',
      '<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="//evil.test"/></foreignObject>',
    ],
    ['drawings within foreign content', '<foreignObject><svg><path d="M0 0"/></svg></foreignObject>'],
    ['an animation of a link', '<animate attributeName="href" values="javascript:alert(1)"/>'],
    ['a value that is set', '<set attributeName="onload" to="alert(1)"/>'],
    ['a motion', '<animateMotion path="M0 0"><mpath href="https://evil.test"/></animateMotion>'],
    ['metadata', '<metadata><rdf:RDF xmlns:rdf="x">a prompt</rdf:RDF></metadata>'],
    ['comments', '<!-- a prompt -->'],
    ['instructions', '<?xml-stylesheet href="https://evil.test/x.css"?>'],
    ['a picture of elsewhere', '<image href="https://evil.test/x.png" width="1" height="1"/>'],
    ['a picture of a file', '<image xlink:href="file:///etc/passwd"/>'],
    ['a picture by a relative address', '<image href="/v1/images"/>'],
    ['a drawing as data', '<image href="data:image/svg+xml;base64,PHN2Zy8+"/>'],
    ['a filter that loads', '<feImage href="https://evil.test/x.png"/>'],
    ['an element that listens', '<handler type="text/javascript">alert(1)</handler>'],
    ['sound', '<audio src="https://evil.test/x.mp3"/>'],
    ['a style sheet that imports', '<style>@import "https://evil.test/x.css";</style>'],
    ['a style sheet that loads', '<style>path{fill:url(https://evil.test/#x)}</style>'],
    ['a style sheet that hides', '<style>path{fill:u\\72l(https://evil.test)}</style>'],
    ['a style sheet with a set of images', '<style>path{mask:image-set("https://evil.test" 1x)}</style>'],
    ['a style sheet in pieces', '<style>path{fill:url(<![CDATA[https://evil.test]]>)}</style>'],
    ['a style sheet with elements', '<style><path d="M0 0"/></style>'],
    ['text where none is shown', 'a prompt'],
  ])('leaves out %s', (_name, harmful) => {
    expect(body(`${harmful}<g id="kept"></g>`)).toBe('<g id="kept"></g>');
  });

  it.each([
    ['onload', 'alert(1)'],
    ['onclick', 'alert(1)'],
    ['ONLOAD', 'alert(1)'],
    ['href', 'https://evil.test/#a'],
    ['xlink:href', 'javascript:alert(1)'],
    ['xml:base', 'https://evil.test/'],
    ['style', 'fill:url(https://evil.test)'],
    ['style', 'fill:url("data:image/svg+xml,x")'],
    ['style', 'fill:u\\rl(#a)'],
    ['style', 'fill:url(#a) url(//evil.test)'],
    ['style', 'fill:url(#a'],
    ['style', '/* fill:url(//evil.test)'],
    ['style', '"/*"; fill:url(//evil.test); "*/" /**/ /* /'],
    ['fill', 'url(https://evil.test/#a)'],
    ['filter', 'URL( "//evil.test" )'],
    ['mask', 'src("//evil.test")'],
    ['clip-path', 'element(#a)'],
    ['cursor', 'url(#a)'],
    ['data-prompt', 'a prompt'],
    ['unknown', 'x'],
  ])('leaves out %s=%s', (name, value) => {
    const written = body(`<g ${name}="${value.replaceAll('"', '&quot;')}"></g>`);
    expect(written).toBe('<g></g>');
  });

  it('keeps what links hold, and not where they lead', () => {
    expect(body('<a href="https://evil.test"><path d="M0 0"></path></a>')).toBe('<path d="M0 0"></path>');
  });

  it('keeps a style sheet that loads nothing, without its comments', () => {
    expect(body('<style type="text/css">/* made by */ .a > .b { fill: url(#g); color: rgb(1 2 3) }</style>')).toBe(
      '<style>  .a &gt; .b { fill: url(#g); color: rgb(1 2 3) }</style>',
    );
  });

  it('keeps a picture that is data, and hands its file over to be looked at', () => {
    const { text, embedded } = sanitizeSvg(Buffer.from(svg('<image href=" data:image/PNG;base64,AAEC Aw== "/>')));
    expect(text).toContain('<image href="data:image/png;base64,AAECAw=="></image>');
    expect(embedded).toEqual([Buffer.from([0, 1, 2, 3])]);
  });

  it('hands over no picture that it leaves out', () => {
    const hidden =
      '<foreignObject><image xmlns="http://www.w3.org/2000/svg" href="data:image/png;base64,AA=="/></foreignObject>';
    expect(sanitizeSvg(Buffer.from(svg(hidden))).embedded).toEqual([]);
  });

  it('writes well-formed XML with one namespace, whatever prefixes came', () => {
    const text = clean(
      '\uFEFF<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd">' +
        '<s:svg xmlns:s="http://www.w3.org/2000/svg" xmlns:l="http://www.w3.org/1999/xlink" viewBox="0 0 4 4">' +
        '<s:use l:href="#a" s:x="1"/><s:text aria-label="&quot;&lt;&#10;&amp;">&#x1F600;]]&gt;</s:text></s:svg>',
    );
    expect(read(text).names).toEqual(['svg', 'use', 'text']);
    expect(read(text).attributes).toContainEqual(['xlink:href', '#a']);
    expect(read(text).attributes).toContainEqual(['aria-label', '"<\n&']);
    expect(text).toContain('😀]]&gt;');
  });

  it.each([
    ['width="10" height="20"', 10, 20],
    ['width="10.4px" height="2e1px" viewBox="0 0 1 1"', 10, 20],
    ['viewBox="-5 -5 30 40"', 30, 40],
    ['viewBox="0,0,30.5,0.2"', 31, 1],
    ['width="100%" height="100%" viewBox="0 0 30 40"', 30, 40],
    ['width="10mm" height="10mm" viewBox="0 0 30 40"', 30, 40],
    ['width="10" viewBox="0 0 30 40"', 30, 40],
  ])('measures %s', (attributes, width, height) => {
    expect(sanitizeSvg(Buffer.from(svg('', attributes)))).toMatchObject({ width, height });
  });

  it('can be had at another size', () => {
    const drawing = sanitizeSvg(Buffer.from(svg('<g></g>', 'width="10" height="20"')));
    expect(read(drawing.resizedTo(512, 1_024)).attributes).toEqual(
      expect.arrayContaining([
        ['width', '512'],
        ['height', '1024'],
        ['viewBox', '0 0 10 20'],
      ]),
    );
    const boxed = sanitizeSvg(Buffer.from(svg('', 'viewBox="1 2 3 4"')));
    expect(boxed.resizedTo(512, 1_024)).toContain('viewBox="1 2 3 4"');
  });

  const bomb = Array.from({ length: 20 }, (_, level) => `<!ENTITY e${level + 1} "${`&e${level};`.repeat(10)}">`).join(
    '',
  );

  it.each([
    ['not_an_image', 'nothing', ''],
    ['not_an_image', 'HTML', '<!doctype html><html><body><svg/></body></html>'],
    ['not_an_image', 'another XML', '<rss version="2.0"/>'],
    ['not_an_image', 'an SVG without its namespace', '<svg width="1" height="1"/>'],
    ['not_an_image', 'text', 'hello'],
    ['corrupt', 'an SVG that is cut', svg('<g>').slice(0, -6)],
    ['corrupt', 'crossed elements', svg('<g><path></g></path>')],
    ['corrupt', 'an entity of its own', `<!DOCTYPE svg [<!ENTITY x "y">]>${svg('<text>&x;</text>')}`],
    [
      'corrupt',
      'an entity of a file',
      `<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>${svg('<text>&x;</text>')}`,
    ],
    ['corrupt', 'a billion laughs', `<!DOCTYPE svg [<!ENTITY e0 "ha">${bomb}]>${svg('<text>&e20;</text>')}`],
    ['corrupt', 'two attributes of one name', svg('<g id="a" id="b"/>')],
    ['corrupt', 'a character that XML has no place for', svg('<text>&#0;</text>')],
    ['corrupt', 'no size', svg('', '')],
    ['corrupt', 'a size of nothing', svg('', 'viewBox="0 0 0 0"')],
    ['too_many_pixels', 'a size beyond all bounds', svg('', 'viewBox="0 0 1e9 1e9"')],
    ['too_complex', 'depth', svg('<g>'.repeat(1_000) + '</g>'.repeat(1_000))],
    ['too_complex', 'depth in what is left out', svg('<x>'.repeat(1_000) + '</x>'.repeat(1_000))],
    ['too_complex', 'elements', svg('<g/>'.repeat(200_001))],
    ['too_complex', 'length', svg(`<path d="${' '.repeat(10_000_000)}"/>`)],
  ])('refuses as %s: %s', (code, _name, text) => {
    expect(() => sanitizeSvg(Buffer.from(text))).toThrow(expect.objectContaining({ name: 'ImageError', code }));
  });

  it('refuses what is no UTF-8', () => {
    expect(() => sanitizeSvg(Buffer.from([0x3c, 0xff, 0xfe]))).toThrow(
      expect.objectContaining({ code: 'not_an_image' }),
    );
  });

  it.each([
    ['a word without end', `<style>${'a'.repeat(4_000_000)}</style>`],
    ['brackets', `<style>${'('.repeat(4_000_000)}</style>`],
    ['addresses', `<g style="${'url('.repeat(1_000_000)}"/>`],
    ['beginnings of comments', `<style>${'/*'.repeat(2_000_000)}</style>`],
    ['comments', `<style>${'/**/'.repeat(1_000_000)}</style>`],
    ['names before brackets', `<style>${`${'a'.repeat(1_000)}(`.repeat(4_000)}</style>`],
  ])('reads %s in one pass', (_name, content) => {
    const begun = performance.now();
    body(content);
    expect(performance.now() - begun).toBeLessThan(3_000);
  });
});
