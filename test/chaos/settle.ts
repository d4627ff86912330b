import { setTimeout as delay } from 'node:timers/promises';
import { execute } from '../../libs/read-models/test/fixture.js';
import type { ChaosSystem } from './chaos-system.js';
import { readQueues } from './gather.js';
import type { LogCopy } from './log-copy.js';
import { APPS } from './misdeed-plan.js';

/**
 * Nothing has happened for this long: nothing will. Longer than any pause that the product makes by itself: it looks after
 * a missing credit once a minute. Milliseconds.
 */
const SILENCE_MS = 100_000;
const LOOK_MS = 500;

/** Waits until nothing is left to be done, or nothing happens any more. Answers what is still waited for. */
export async function settle(system: ChaosSystem, log: LogCopy, isBusy: () => boolean): Promise<string[]> {
  const began = Date.now();
  for (;;) {
    const left = isBusy() ? ['clients'] : await whatIsLeft(system, log);
    if (left.length === 0 || Date.now() - Math.max(log.lastChange, began) > SILENCE_MS) return left;
    await delay(LOOK_MS);
  }
}

async function whatIsLeft(system: ChaosSystem, log: LogCopy): Promise<string[]> {
  try {
    await log.refresh();
    const { open } = log;
    if (open.length > 0) return [`${open.length} generations`];
    const predictions = await system.simulator.predictions();
    if (predictions.some(({ completed_at }) => completed_at === undefined)) return ['predictions'];
    const { waiting, consumers } = await readQueues(system.nats.url);
    const held = Object.values(consumers).some(({ unacknowledged, pending }) => unacknowledged + pending > 0);
    if (held || Object.keys(waiting).length > 0) return ['queues'];
    const [checkpoint] = await execute<{ position: string }>(
      system.postgres.url,
      'SELECT position FROM read_model.projection_checkpoint',
    );
    if (Number(checkpoint?.position) !== log.events.at(-1)?.position) return ['the projection'];
    const unready = await Promise.all(APPS.map(async (target) => ((await isReady(system, target)) ? [] : [target])));
    return unready.flat();
  } catch (error) {
    return [`an answer: ${String(error)}`];
  }
}

async function isReady({ apps }: ChaosSystem, target: (typeof APPS)[number]): Promise<boolean> {
  const path = target === 'simulator' ? '/control/counters' : '/health/ready';
  return (await fetch(apps[target].url + path)).ok;
}
