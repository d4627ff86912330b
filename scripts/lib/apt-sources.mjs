/**
 * Rewrites the machine's own apt source of the Debian main archive to one suite, so that a package of that suite can be
 * fetched from the place, and by the keys, that this machine already trusts.
 *
 * @param {{ name: string, content: string }[]} files what is in sources.list and sources.list.d
 * @param {string} codename of this Debian release, e.g. bookworm
 * @param {string} suite wanted, e.g. sid
 * @returns {{ name: string, content: string } | undefined} one sources file; undefined when no entry fits
 */
export function archiveSource(files, codename, suite) {
  const suites = [codename, 'stable', 'testing', 'unstable', 'sid'];
  for (const { name, content } of files) {
    const rewritten = name.endsWith('.sources')
      ? fromStanzas(content, suites, suite)
      : fromLines(content, suites, suite);
    if (rewritten) return { name: `${suite}.${name.endsWith('.sources') ? 'sources' : 'list'}`, content: rewritten };
  }
  return undefined;
}

/**
 * The deb822 format: stanzas of `Field: value`, where lines that begin with a space go on.
 *
 * @param {string} content
 * @param {string[]} suites that this machine may name
 * @param {string} wanted
 */
function fromStanzas(content, suites, wanted) {
  for (const stanza of content.split(/\n\s*\n/)) {
    const lines = stanza.split('\n').filter((line) => line.trim() && !line.startsWith('#'));
    /** @type {Map<string, string>} */
    const fields = new Map();
    let last = '';
    for (const line of lines) {
      const [, field, value = ''] = /^([^\s:]+):(.*)$/.exec(line) ?? [];
      if (field) fields.set((last = field.toLowerCase()), value);
      else fields.set(last, `${fields.get(last) ?? ''}\n${line}`);
    }
    const words = (/** @type {string} */ field) => (fields.get(field) ?? '').split(/\s+/).filter(Boolean);
    if (words('enabled')[0] === 'no' || !words('types').includes('deb') || !words('components').includes('main'))
      continue;
    if (!words('suites').some((suite) => suites.includes(suite))) continue;
    fields.set('types', ' deb').set('suites', ` ${wanted}`).set('components', ' main');
    return [...fields].map(([field, value]) => `${field}:${value}\n`).join('');
  }
  return undefined;
}

/**
 * The one-line format: `deb [options] uri suite component…`.
 *
 * @param {string} content
 * @param {string[]} suites that this machine may name
 * @param {string} wanted
 */
function fromLines(content, suites, wanted) {
  for (const line of content.split('\n')) {
    const [, options = '', uri, suite = '', components = ''] =
      /^\s*deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line) ?? [];
    if (!uri || !suites.includes(suite) || !components.split(/\s+/).includes('main')) continue;
    return `deb ${options}${uri} ${wanted} main\n`;
  }
  return undefined;
}
