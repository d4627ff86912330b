import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Kvm } from '@nats-io/kv';
import { eventually } from '../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { connectBroker, type Broker } from './connect.js';
import { provision } from './provision.js';
import { SharedBudget, type Permit } from './shared-budget.js';
import { BUDGETS_BUCKET } from './subjects.js';

const NEVER = new AbortController().signal;

describe('SharedBudget', () => {
  let nats: TestNats;
  const brokers: Broker[] = [];

  beforeEach(async () => {
    nats = await startNats();
    await provision(await connect(), { replicas: 1 });
  });
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
    await nats.stop();
  });

  async function connect(): Promise<Broker> {
    const broker = await connectBroker({ servers: [nats.url], name: 'test' });
    brokers.push(broker);
    return broker;
  }

  /** As another process would: with a connection of its own. */
  async function open(perMinute: number, onAway?: (error: Error) => void): Promise<SharedBudget> {
    const budget = await SharedBudget.open(await connect(), 'creates', { perMinute, onAway });
    return budget;
  }

  async function writes(): Promise<number> {
    const bucket = await new Kvm(brokers[0]!.jetstream).open(BUDGETS_BUCKET);
    return (await bucket.get('creates'))?.revision ?? 0;
  }

  it('three processes together never take more than one may, and not much less', async () => {
    // A burst of 300, then 90 a second.
    const perMinute = 6_000;
    const three = await Promise.all([open(perMinute), open(perMinute), open(perMinute)]);
    const taken: { at: number; by: number }[] = [];
    const takers = Array.from({ length: 480 }, async (_, i) => {
      const { takenAt } = await three[i % 3]!.take(NEVER);
      taken.push({ at: takenAt, by: i % 3 });
    });
    await Promise.all(takers);
    const times = taken.map(({ at }) => at).toSorted((a, b) => a - b);
    const first = times[0]!;
    times.forEach((at, index) => {
      // One more than the rule: the whole number that a lease is rounded to.
      expect(index + 1).toBeLessThanOrEqual(300 + ((at - first + 1_000) * 90) / 1_000 + 1);
    });
    expect(times.at(-1)! - first).toBeGreaterThan(900);
    expect(times.at(-1)! - first).toBeLessThan(6_000);
    for (const by of [0, 1, 2]) expect(taken.filter((each) => each.by === by)).toHaveLength(160);
  }, 30_000);

  it('a high limit costs next to nothing', async () => {
    const budget = await open(1_000_000);
    const startedAt = performance.now();
    for (let i = 0; i < 10_000; i++) await budget.take(NEVER);
    expect(await writes()).toBeLessThan(30);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it('gives in the order of asking', async () => {
    const budget = await open(6_000);
    const order: number[] = [];
    await Promise.all(Array.from({ length: 330 }, (_, i) => budget.take(NEVER).then(() => order.push(i))));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  it('whoever no longer wants to wait leaves, and the others move up', async () => {
    const budget = await open(30);
    await budget.take(NEVER);
    const leaving = new AbortController();
    const left = budget.take(leaving.signal);
    const next = budget.take(NEVER);
    leaving.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
    await expect(budget.take(leaving.signal)).rejects.toThrow('enough');
    const { takenAt } = await next;
    expect(takenAt).toBeLessThan(Date.now() + 5);
  });

  it('a permit that is given back goes to the next at once, once', async () => {
    const budget = await open(1);
    const permit: Permit = await budget.take(NEVER);
    const others = [budget.take(NEVER), budget.take(AbortSignal.timeout(700))];
    others[1]!.catch(() => undefined);
    permit.giveBack();
    permit.giveBack();
    await others[0];
    await expect(others[1]).rejects.toThrow();
  });

  it('told to wait, all processes wait, those with permits in reserve as well', async () => {
    const [one, other] = await Promise.all([open(1_000_000), open(1_000_000)]);
    await Promise.all([one.take(NEVER), other.take(NEVER)]);
    const until = Date.now() + 1_200;
    await one.holdUntil(until);
    await expect(one.take(AbortSignal.timeout(50))).rejects.toThrow();
    // The other hears of it within milliseconds.
    await eventually(() =>
      other.take(AbortSignal.timeout(20)).then(
        () => false,
        () => true,
      ),
    );
    const [first, second] = await Promise.all([one.take(NEVER), other.take(NEVER)]);
    expect(first.takenAt).toBeGreaterThanOrEqual(until);
    expect(second.takenAt).toBeGreaterThanOrEqual(until);
    // A shorter one changes nothing.
    await other.holdUntil(until - 1_000);
    await other.take(NEVER);
  });

  it('without the bucket nobody gets anything; afterwards it goes on by itself', async () => {
    const away: Error[] = [];
    const budget = await open(600, (error) => away.push(error));
    await budget.take(NEVER);
    await nats.kill9();
    let got = false;
    const waiting = budget.take(NEVER).then(() => (got = true));
    await eventually(() => away.length > 1);
    expect(got).toBe(false);
    await nats.restart();
    await waiting;
    const held = Date.now() + 60_000;
    const other = await open(600);
    await other.holdUntil(held);
    // Told of by the watch, which survives the outage too.
    await eventually(() =>
      budget.take(AbortSignal.timeout(20)).then(
        () => false,
        () => true,
      ),
    );
  }, 30_000);

  it('goes on from a key that was removed, or is none of ours', async () => {
    const budget = await open(600);
    await budget.take(NEVER);
    const bucket = await new Kvm(brokers[0]!.jetstream).open(BUDGETS_BUCKET);
    await bucket.delete('creates');
    await budget.take(NEVER);
    await bucket.put('creates', 'no JSON');
    await budget.take(NEVER);
    expect(await writes()).toBe(5);
  });
});
