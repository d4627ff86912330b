import { beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { HealthChecks, type DependencyCheck } from './health.js';
import { createMetrics } from './metrics.js';

const LIMIT_MS = 20;
const gone = () => Promise.reject(new Error('gone'));
const silent = () => new Promise(() => undefined);

async function statesOf(...checks: DependencyCheck[]): Promise<HealthIndicatorResult> {
  const indicators = new HealthChecks(checks, LIMIT_MS).indicators(new HealthIndicatorService());
  const states = await Promise.all(indicators.map((indicator) => indicator()));
  return Object.assign({}, ...states) as HealthIndicatorResult;
}

describe('HealthChecks', () => {
  beforeAll(() => void Logger.overrideLogger(false));

  it('say up, down without what is required, degraded without the rest; and no reason to the public', async () => {
    const message = 'It cannot be used now';
    expect(
      await statesOf(
        { name: 'nats', check: gone, required: true },
        { name: 'postgres', check: gone, required: false },
        { name: 'storage', check: () => Promise.resolve(), required: false },
      ),
    ).toEqual({
      nats: { status: 'down', message },
      postgres: { status: 'degraded', message },
      storage: { status: 'up' },
    });
  });

  it('do not wait for one that is silent, and tell it that nobody does', async () => {
    let signal: AbortSignal | undefined;
    const check = (given: AbortSignal) => ((signal = given), silent());
    expect(await statesOf({ name: 'nats', check, required: true })).toMatchObject({ nats: { status: 'down' } });
    await new Promise((resolve) => (signal!.aborted ? resolve(null) : signal!.addEventListener('abort', resolve)));
  });

  it('ask one question at a time, however many wait for the answer, and begin anew after it', async () => {
    let asked = 0;
    let answer: (error?: Error) => void = () => undefined;
    const check = () =>
      new Promise<void>((resolve, reject) => {
        asked += 1;
        answer = (error) => (error ? reject(error) : resolve());
      });
    const checks = new HealthChecks([{ name: 'nats', check, required: true }], LIMIT_MS);
    const { dependencyUp, registry } = createMetrics();
    const value = async () => /darkroom_dependency_up\{dependency="nats"\} (.)/.exec(await registry.metrics())?.[1];

    const [indicator] = checks.indicators(new HealthIndicatorService());
    await Promise.all([checks.observe(dependencyUp), indicator!(), indicator!()]);
    await checks.observe(dependencyUp);
    expect([asked, await value()]).toEqual([1, '0']);

    const observed = checks.observe(dependencyUp);
    answer();
    await observed;
    expect([asked, await value()]).toEqual([1, '1']);

    const again = checks.observe(dependencyUp);
    answer(new Error('gone'));
    await again;
    expect([asked, await value()]).toEqual([2, '0']);
  });
});
