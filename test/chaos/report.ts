import type { Fallen } from './chaos-system.js';
import { historiesOf, INVARIANTS, type Evidence } from './check/evidence.js';
import { tellDeed } from './misdeeds.js';
import type { RunResult } from './run.js';

/** Culprits whose history is told; the others are named. */
const TOLD = 10;

/** Misdeeds this long before and after a culprit's events are told with it. Milliseconds. */
const NEAR_MS = 5_000;

const COLUMNS: readonly [head: string, cell: (result: RunResult) => string | number][] = [
  ['seed', ({ options }) => options.seed],
  ['accepted', ({ counters }) => counters.accepted],
  ['refused', ({ counters }) => counters.refused],
  ['repeated', ({ counters }) => counters.repeated],
  ['kills', (result) => `${deedsOf(result, 'kill')} (${killsOf(result)})`],
  ['freezes', (result) => deedsOf(result, 'freeze')],
  ['cuts, refusals, hangs', (result) => ['cut', 'refuse', 'hang'].map((kind) => deedsOf(result, kind)).join(', ')],
  ['ended by themselves', ({ fallen }) => fallen.length],
  ['full disks', (result) => deedsOf(result, 'fill')],
  ['completed', (result) => ended(result, 'Downloaded')],
  ['failed', (result) => ended(result, 'Failed')],
  ['cancelled', (result) => ended(result, 'Cancelled')],
  ['attempts', ({ evidence }) => attemptsOf(evidence)],
  ['predictions', ({ evidence }) => evidence.predictions.length],
  ['images stored', ({ evidence }) => evidence.images.length],
  ...INVARIANTS.map((invariant): [string, (result: RunResult) => number] => [
    invariant,
    ({ violations }) => violations.filter((violation) => violation.invariant === invariant).length,
  ]),
  [
    'seconds: chaos, settling, all',
    ({ seconds }) => [seconds.chaos, seconds.settling, seconds.all].map(Math.round).join(', '),
  ],
];

/** The head of the table and the line below it. */
export function tableHead(): string {
  return [`| ${COLUMNS.map(([head]) => head).join(' | ')} |`, `|${COLUMNS.map(() => ' ---: |').join('')}`].join('\n');
}

/** One run as a row of the table. */
export function tableRow(result: RunResult): string {
  return `| ${COLUMNS.map(([, cell]) => cell(result)).join(' | ')} |`;
}

function deedsOf({ deeds }: RunResult, kind: string): number {
  return deeds.filter(({ misdeed }) => misdeed.kind === kind).length;
}

/** By kind of process: w(orkers), g(ateways), … */
function killsOf({ deeds }: RunResult): string {
  const counts = new Map<string, number>();
  for (const { misdeed } of deeds) {
    if (misdeed.kind !== 'kill') continue;
    const kind = misdeed.target.replace(/-\d$/, '');
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}

/** Generations whose last event is of this type. */
function ended({ evidence }: RunResult, type: string): number {
  return [...historiesOf(evidence.log).values()].filter((history) => history.at(-1)!.type === type).length;
}

function attemptsOf({ log }: Evidence): number {
  return log.filter((event) => event.type === 'AttemptStarted' && event.data.stage === 'generate').length;
}

/** All that is needed to understand what went wrong, and to have it go wrong again. */
export function story(result: RunResult): string {
  const { options, violations, deeds, left, fallen, counters } = result;
  const { seed, generations, kills } = options;
  const lines = [
    `Seed ${seed}. Again: npm run test:chaos -- --runs 1 --generations ${generations} --kills ${kills} --seed ${seed}`,
    ...left.map((what) => `Waited in vain for ${what}`),
    ...counters.strange.map((what) => `Strange: ${what}`),
    ...fallen.map(tellFallen),
    `Misdeeds:`,
    ...deeds.map((deed) => `  ${tellDeed(deed)}`),
    `Violations:`,
    ...violations.map(({ invariant, generationId, what }) => `  ${invariant}: ${generationId ?? '–'}: ${what}`),
  ];
  const culprits = [...new Set(violations.flatMap(({ generationId }) => generationId ?? []))];
  const told = culprits.slice(0, TOLD).flatMap((id) => culprit(id, result));
  if (culprits.length > TOLD) told.push(`and ${culprits.length - TOLD} more`);
  return [...lines, ...told].join('\n');
}

/** A process that ended by itself: no violation, as something starts it again, and still worth a look. */
export function tellFallen({ target, ending, words }: Fallen): string {
  return `${target} ended by itself (${ending}): ${words}`;
}

function culprit(id: string, { evidence, deeds }: RunResult): string[] {
  const history = evidence.log.filter(({ generationId }) => generationId === id);
  const [first] = history;
  const prompt =
    first?.type === 'GenerationRequested'
      ? first.data.input.prompt
      : evidence.accepted.find((accepted) => accepted.id === id)?.prompt;
  const from = Date.parse(first?.time ?? '') - NEAR_MS;
  const to = Date.parse(history.at(-1)?.time ?? '') + NEAR_MS;
  const near = deeds.filter(({ began, ended: end }) => Date.parse(end) >= from && Date.parse(began) <= to);
  return [
    `Generation ${id}, ${prompt}`,
    ...history.map(
      ({ time, version, type, data, position }) => `  ${time} ${position} v${version} ${type} ${brief(data)}`,
    ),
    '  the provider:',
    ...evidence.predictions
      .filter((prediction) => prediction.prompt === prompt)
      .map(
        (prediction) => `  ${prediction.createdAt} – ${prediction.completedAt} ${prediction.id} ${prediction.status}`,
      ),
    '  misdeeds near it:',
    ...near.map((deed) => `  ${tellDeed(deed)}`),
  ];
}

function brief(data: object): string {
  const { input: _, provider_input: __, ...rest } = data as Record<string, unknown>;
  return JSON.stringify(rest).slice(0, 600);
}
