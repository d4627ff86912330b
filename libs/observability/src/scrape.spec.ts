import { describe, expect, it } from '@jest/globals';
import { Gauge, Registry } from 'prom-client';
import { Scrapes } from './scrape.js';

describe('Scrapes', () => {
  const registry = new Registry();
  const gauge = new Gauge({ name: 'depth', help: 'Depth', labelNames: ['of'], registers: [registry] });

  it('refreshes in parallel, once for all who ask at the same time, and again for the next', async () => {
    const scrapes = new Scrapes(registry);
    let rounds = 0;
    let letFirstEnd: () => void = () => undefined;
    scrapes.add(() => new Promise<void>((resolve) => (letFirstEnd = resolve)));
    scrapes.add(async () => {
      gauge.set({ of: 'queue' }, ++rounds);
      letFirstEnd();
    });
    const texts = await Promise.all([scrapes.text(), scrapes.text(), scrapes.text()]);
    for (const text of texts) expect(text).toContain('depth{of="queue"} 1');
    expect(await scrapes.text()).toContain('depth{of="queue"} 2');
  });

  it('answers in time when one fails and another hangs, which is not begun a second time', async () => {
    const scrapes = new Scrapes(registry, 20);
    let [begun, refreshed] = [0, 0];
    scrapes.add(() => ((begun += 1), new Promise(() => undefined)));
    scrapes.add(() => Promise.reject(new Error('gone')));
    scrapes.add(async () => gauge.set({ of: 'rest' }, ++refreshed));
    expect(await scrapes.text()).toContain('depth{of="rest"} 1');
    expect(await scrapes.text()).toContain('depth{of="rest"} 2');
    expect(begun).toBe(1);
  });
});
