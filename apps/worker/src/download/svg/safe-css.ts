import { FUNCTIONS } from './allow-list.js';

/** Of a document's own element: `#name`. */
const LOCAL_REFERENCE = /^#[^\s"'()<>\\]{1,200}$/;
const NAME = /[\w-]/;

export function isLocalReference(text: string): boolean {
  return LOCAL_REFERENCE.test(text);
}

/**
 * A style sheet, the declarations of a style attribute, or the value of an attribute that may hold what CSS does: without
 * its comments, or null when it could load anything. Escapes hide names, and at-rules load; neither is taken.
 */
export function safeCss(text: string): string | null {
  const css = withoutComments(text);
  if (css === null || /[\\@<]/.test(css)) return null;
  // Not one regular expression: what comes is long and hostile, and must be read in one pass.
  for (let open = css.indexOf('('); open >= 0; open = css.indexOf('(', open + 1)) {
    let begin = open;
    while (begin > 0 && NAME.test(css[begin - 1]!)) begin--;
    const name = css.slice(begin, open).toLowerCase();
    if (name === 'url' ? !isLocalUrl(css, open) : !(FUNCTIONS.has(name) || isPlain(name))) return null;
  }
  return css;
}

/** Brackets without a name, as in sums. */
function isPlain(name: string): boolean {
  return name === '';
}

function isLocalUrl(css: string, open: number): boolean {
  const close = css.indexOf(')', open);
  const inside = close < 0 ? '' : css.slice(open + 1, Math.min(close, open + 300)).trim();
  const quoted = /^(["'])(.*)\1$/s.exec(inside);
  return isLocalReference(quoted ? quoted[2]! : inside);
}

/** Null when one of them has no end. */
function withoutComments(text: string): string | null {
  const parts: string[] = [];
  let at = 0;
  for (let open = text.indexOf('/*'); open >= 0; open = text.indexOf('/*', at)) {
    const close = text.indexOf('*/', open + 2);
    if (close < 0) return null;
    parts.push(text.slice(at, open));
    at = close + 2;
  }
  parts.push(text.slice(at));
  const css = parts.join(' ');
  // What was around a comment may have become the beginning of another.
  return css.includes('/*') ? null : css;
}
