/** A page of metrics. */
export interface Samples {
  /** Value of the one sample with this name and exactly these labels; undefined when there is none. */
  value(name: string, labels: Readonly<Record<string, string>>): number | undefined;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([Nn]a[Nn]|[+-]Inf|[-+0-9.eE]+)$/;
const LABELS = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)",?/g;

/**
 * Reads Prometheus's text format, without time stamps and exemplars.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 * @throws Error for a line that is none of that format
 */
export function parseMetrics(text: string): Samples {
  const samples = new Map<string, number>();
  for (const line of text.split('\n').filter((each) => each !== '' && !/^# (HELP|TYPE) /.test(each))) {
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
    if (name === undefined || labels.replace(LABELS, '') !== '') throw new Error(`Not a sample: ${line}`);
    const pairs = [...labels.matchAll(LABELS)].map(([, key, content]) => [key, content] as const);
    const key = keyOf(name, Object.fromEntries(pairs) as Record<string, string>);
    if (samples.has(key)) throw new Error(`A sample is told twice: ${line}`);
    samples.set(key, Number(value?.replace('Inf', 'Infinity')));
  }
  return { value: (name, labels) => samples.get(keyOf(name, labels)) };
}

function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([name, Object.entries(labels).sort(([one], [other]) => one.localeCompare(other))]);
}
