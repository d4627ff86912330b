import { MODELS, STAGES } from '@darkroom/domain';
import { describe, expect, it } from '@jest/globals';
import type { Counter, Gauge, Histogram } from 'prom-client';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics } from './metrics.js';

/** What prom-client's instruments keep, and its types do not tell. */
type Instrument = (Counter | Gauge | Histogram) & { name: string; help: string; labelNames: readonly string[] };

function ours(): { name: string; type: string; labels: string[]; help: string }[] {
  return Object.values(createMetrics())
    .filter((value): value is Instrument => typeof value === 'object' && 'labelNames' in value)
    .map(({ constructor, name, help, labelNames }) => ({
      name,
      type: constructor.name.toLowerCase(),
      labels: [...labelNames],
      help,
    }));
}

describe('createMetrics', () => {
  it('makes what docs/metrics.md lists, in its order', () => {
    const document = readFileSync(join(import.meta.dirname, '../../../docs/metrics.md'), 'utf8');
    const rows = [...document.matchAll(/^\| `(\w+)` +\| (\w+) +\| ([\w, ]*?) *\|/gm)];
    const listed = rows.map(([, name, type, labels]) => ({ name, type, labels: labels ? labels.split(', ') : [] }));
    expect(listed).toEqual(ours().map(({ name, type, labels }) => ({ name, type, labels })));
  });

  it('names by the rules of Prometheus: counters end in _total, times in seconds, and each says what it is', () => {
    for (const { name, type, help } of ours()) {
      expect(name).toMatch(type === 'counter' ? /^darkroom_\w+_total$/ : /^darkroom_\w+(?<!_total)$/);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(help).toMatch(/^[A-Z].{10,}[^.]$/);
    }
  });

  it('tells a bounded number of series of each model, whatever happens to it', async () => {
    const metrics = createMetrics();
    const [model, other] = [MODELS[0]!.id, MODELS[1]!.id];
    for (const stage of STAGES) {
      metrics.stageDuration.observe({ stage, model }, 1);
      for (const outcome of ['succeeded', 'retried', 'deferred', 'failed', 'cancelled']) {
        metrics.attempts.inc({ stage, outcome, model });
      }
    }
    metrics.generationDuration.observe({ model }, 1);
    for (const gauge of [metrics.circuitBreakerState, metrics.modelOffered]) gauge.set({ model }, 1);
    metrics.cost.inc({ model });
    const lines = (await metrics.scrape()).split('\n');
    const of = (id: string) => lines.filter((line) => line.includes(`model="${id}"`)).length;
    expect([of(model), of(other)]).toEqual([61, 3]);
  });

  it('begins at 0 with what alerts look at, and without what is not known', async () => {
    const text = await createMetrics().scrape();
    const model = 'model="black-forest-labs/flux-schnell"';
    expect(text).toContain(`darkroom_generations_total{status="completed",${model}} 0`);
    expect(text).toContain('darkroom_failures_total{stage="generate",code="outcome_unknown"} 0');
    expect(text).toContain('darkroom_redeliveries_total{stage="download"} 0');
    expect(text).toContain('darkroom_append_conflicts_total 0');
    expect(text).not.toMatch(/^darkroom_(stuck|queue_depth|projection|dependency)\w*[ {]/m);
  });
});
