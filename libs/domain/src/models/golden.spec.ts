import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GOLDEN_REQUESTS } from './golden-requests.spec-support.js';
import type { Model } from './model.js';
import { prepareFor, type GenerationRequestBody, type PreparedGeneration } from './prepare.js';
import { byId, faultsByAjv, OFFERED, SOURCE } from './spec-support.js';

const FOLDER = join(import.meta.dirname, 'golden');

/** What is sent, or what is refused: the evidence that somebody has read. */
interface Outcome {
  readonly sent?: Readonly<Record<string, unknown>>;
  readonly warned?: readonly string[];
  readonly usd?: number;
  readonly refused?: readonly string[];
}

const fileOf = ({ id }: Model) => join(FOLDER, `${id.replace('/', '--')}.json`);

function requestFor(model: Model, name: string): GenerationRequestBody {
  const needsSource = model.source?.required && name !== 'plain';
  return { prompt: 'a lighthouse at dusk', ...(needsSource && { source_image_url: SOURCE }), ...GOLDEN_REQUESTS[name] };
}

const prepare = (model: Model, name: string) => prepareFor(model, requestFor(model, name), { random: () => 0.5 });

function outcomeOf(model: Model, name: string): Outcome {
  const prepared = prepare(model, name);
  if (!prepared.ok) return { refused: prepared.errors.map(({ field }) => field) };
  const { providerInput, warnings, estimatedCostUsd } = prepared;
  return {
    sent: providerInput,
    ...(warnings.length > 0 && { warned: warnings.map(({ field }) => field) }),
    ...(estimatedCostUsd !== null && { usd: estimatedCostUsd }),
  };
}

/** One line for each request, to be read. */
function written(outcomes: Readonly<Record<string, Outcome>>): string {
  const lines = Object.entries(outcomes).map(
    ([name, outcome]) => `  ${JSON.stringify(name)}: ${JSON.stringify(outcome)}`,
  );
  return `{\n${lines.join(',\n')}\n}\n`;
}

describe('the golden files', () => {
  it.each(byId(OFFERED))('say what %s is sent', (_, model) => {
    const outcomes = Object.fromEntries(Object.keys(GOLDEN_REQUESTS).map((name) => [name, outcomeOf(model, name)]));
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(fileOf(model), written(outcomes));
    expect(JSON.parse(readFileSync(fileOf(model), 'utf8'))).toEqual(outcomes);
  });

  it('are those of the catalogue, and no others', () => {
    expect(
      readdirSync(FOLDER)
        .map((file) => join(FOLDER, file))
        .sort(),
    ).toEqual(OFFERED.map(fileOf).sort());
  });

  it.each(byId(OFFERED))('hold for %s nothing that its schema does not allow', (_, model) => {
    const accepted = Object.keys(GOLDEN_REQUESTS)
      .map((name) => prepare(model, name))
      .filter((prepared): prepared is PreparedGeneration => prepared.ok);
    expect(accepted.length).toBeGreaterThanOrEqual(12);
    for (const { providerInput } of accepted) expect(faultsByAjv(model.input, providerInput)).toEqual([]);
  });
});
