import { describe, expect, it } from '@jest/globals';
import { FAULT_KINDS, mixOf } from './mix.js';
import { chaosOptions } from './options.js';
import { misdeedsOf, TARGETS, tell } from './misdeed-plan.js';
import { faultSchema } from '../../apps/simulator/src/control/fault.schema.js';

const SIMULATED = faultSchema.options.flatMap((option): string[] =>
  'options' in option
    ? (option.options as { shape: { kind: { value: string } } }[]).map(({ shape }) => shape.kind.value)
    : [option.shape.kind.value],
);
const options = { seed: 7, kills: 30, span: 40_000, ackWaitMs: 3_000 };

describe('mixOf', () => {
  const orders = mixOf(7, 1_000);

  it('is the same for the same seed, and another for another', () => {
    expect(mixOf(7, 1_000)).toEqual(orders);
    expect(mixOf(8, 1_000)).not.toEqual(orders);
  });

  it('has everything that users do', () => {
    expect(orders).toHaveLength(1_000);
    const shares = {
      keyless: orders.filter(({ key }) => key === null).length,
      repeated: orders.filter(({ asksAgain }) => asksAgain).length,
      cancelled: orders.filter(({ cancels }) => cancels.length > 0).length,
      cancelledTwice: orders.filter(({ cancels }) => cancels.length > 1).length,
      scheduled: orders.filter(({ scheduledIn }) => scheduledIn !== null).length,
      redriven: orders.filter(({ redrives }) => redrives > 0).length,
      small: orders.filter(({ source }) => source === 'small').length,
      large: orders.filter(({ source }) => source === 'large').length,
    };
    for (const [what, count] of Object.entries(shares)) expect([what, count > 10]).toEqual([what, true]);
    expect(new Set(orders.map(({ user }) => user)).size).toBeGreaterThan(3);
    expect(new Set(orders.map(({ body }) => body['priority'])).size).toBe(3);
    expect(new Set(orders.map(({ body }) => body['max_attempts'])).size).toBe(4);
  });

  it('asks for each prompt once, but for those that are shared on purpose', () => {
    const counts = new Map<string, number>();
    for (const { body } of orders) counts.set(body.prompt, (counts.get(body.prompt) ?? 0) + 1);
    const several = [...counts].filter(([, count]) => count > 1);
    expect(several.length).toBeGreaterThan(5);
    for (const [prompt] of several) expect(prompt).toMatch(/^shared /);
  });

  it('scripts every fault that the simulator knows, in terms that it takes', () => {
    expect([...FAULT_KINDS, 'run_time'].sort()).toEqual(SIMULATED.sort());
    const scripted = orders.flatMap(({ faults }) => faults);
    for (const fault of scripted) expect(faultSchema.safeParse(fault).error).toBeUndefined();
    expect(new Set(scripted.map(({ kind }) => kind)).size).toBeGreaterThan(SIMULATED.length - 4);
  });
});

describe('misdeedsOf', () => {
  const misdeeds = misdeedsOf(options);

  it('is the same for the same seed, and another for another', () => {
    expect(misdeedsOf(options)).toEqual(misdeeds);
    expect(misdeedsOf({ ...options, seed: 8 })).not.toEqual(misdeeds);
  });

  it('kills as often as asked for, each at least once', () => {
    const killed = misdeeds.flatMap((misdeed) => (misdeed.kind === 'kill' ? [misdeed.target] : []));
    expect(killed).toHaveLength(30);
    expect(new Set(killed)).toEqual(new Set(TARGETS));
  });

  it('has every other kind, in a short run too, and freezes work past the wait of the broker', () => {
    for (const plan of [misdeeds, misdeedsOf({ ...options, kills: 4 })]) {
      expect(new Set(plan.map(({ kind }) => kind))).toEqual(
        new Set(['kill', 'freeze', 'cut', 'refuse', 'hang', 'fill', 'blind']),
      );
      const freezes = plan.filter((misdeed) => misdeed.kind === 'freeze');
      expect(freezes.some(({ target }) => target.startsWith('worker'))).toBe(true);
      for (const freeze of freezes) expect(freeze.for).toBeGreaterThan(options.ackWaitMs);
    }
  });

  it('can be told', () => {
    expect(tell({ kind: 'kill', at: 0, target: 'nats', downFor: 5 })).toBe('kill -9 nats, down for 5 ms');
  });
});

describe('chaosOptions', () => {
  it('is the short form, with a seed that nobody has tried beside one that never changes', () => {
    const [fixed, random] = chaosOptions(undefined, 4711).runs;
    expect(random).toEqual({ ...fixed, seed: 4711 });
    expect(chaosOptions(undefined, 1).runs[0]).toEqual(fixed);
  });

  it('is the long form as it was asked for, one seed after the other', () => {
    const text = JSON.stringify({ runs: '2', generations: '10', kills: '3', seed: '7', write: true });
    expect(chaosOptions(text, 4711)).toEqual({
      runs: [
        { seed: 7, generations: 10, kills: 3 },
        { seed: 8, generations: 10, kills: 3 },
      ],
      write: true,
    });
  });
});
