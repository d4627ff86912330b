import { MODELS, presentModel, type Model } from '@darkroom/domain';
import { expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const FILE = resolve(import.meta.dirname, '../docs/models.md');

/** The part of the document that is written from the catalogue. */
const TABLES = /(?<=<!-- from the catalogue -->\n)[^]*(?=<!-- end -->)/;

function tables(): string {
  const rows = MODELS.map((model) => [
    `\`${model.id}\`${model.availability.state === 'offered' ? '' : ` (${model.availability.state})`}`,
    model.kind,
    sizeOf(model),
    model.output.formats.join(', ') || 'not published',
    priceOf(model),
  ]);
  const unsure = MODELS.filter((model) => model.unsure !== null).map((model) => `- \`${model.id}\`: ${model.unsure}`);
  const table = [['model', 'kind', 'size', 'formats', 'US dollars'], Array(5).fill('---'), ...rows];
  return [
    '',
    ...table.map((row) => `| ${row.join(' | ')} |`),
    '',
    '## What is not sure',
    '',
    'An entry stays on the safe side of what could not be confirmed, and says so (`unsure`, `note` in `/v1/models`):',
    '',
    ...unsure,
    '',
    '',
  ].join('\n');
}

function sizeOf({ size, source, input }: Model): string {
  if (size === null) return source?.scale === 1 ? 'of its source' : `its source × ${source?.scale}`;
  const { choices, pixels } = size;
  const about = choices.filter(({ exact }) => !exact);
  const side = pixels && input.properties[pixels.width];
  return [
    ...(about.length > 0 ? [`${new Set(about.map((choice) => choice.aspect_ratio)).size} shapes${tiers(about)}`] : []),
    ...(choices.length > about.length ? [`${choices.length - about.length} sizes in pixels`] : []),
    ...(side ? [`${side.minimum}–${side.maximum} a side${pixels.step > 1 ? ` by ${pixels.step}` : ''}`] : []),
  ].join('; ');
}

function tiers(choices: readonly { readonly aspect_ratio: string }[]): string {
  const count = choices.filter(({ aspect_ratio }) => aspect_ratio === choices[0]?.aspect_ratio).length;
  return count > 1 ? ` in ${count} resolutions` : '';
}

function priceOf(model: Model): string {
  const amounts = Object.entries(presentModel(model).price ?? {});
  const price = amounts.map(([unit, amount]) => `${amount} ${unit.replace('usd_per_', 'per ')}`).join(' + ');
  const otherwise = model.price && 'otherwise' in model.price ? model.price.otherwise?.usd_per_image : undefined;
  const tiers = Object.entries(otherwise ?? {}).map(([value, amount]) => `${value}: ${amount}`);
  return (price || 'not confirmed') + (tiers.length > 0 ? ` (${tiers.join(', ')})` : '');
}

/** However its columns are aligned. */
const cells = (text: string) => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---');

it('docs/models.md shows the catalogue as it is', () => {
  const written = readFileSync(FILE, 'utf8');
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(FILE, written.replace(TABLES, tables));
  const [shown = ''] = TABLES.exec(readFileSync(FILE, 'utf8')) ?? [];
  expect(cells(shown)).toBe(cells(tables()));
});
