import { describe, expect, it } from '@jest/globals';
import { HealthIndicatorService } from '@nestjs/terminus';
import { dependencyIndicator, type DependencyCheck } from './health.js';

const indicate = (check: DependencyCheck['check'], required = true) =>
  dependencyIndicator(new HealthIndicatorService(), { name: 'nats', check, required, timeoutMs: 20 })();

describe('dependencyIndicator', () => {
  it('is up when the dependency answers', async () => {
    expect(await indicate(() => Promise.resolve())).toEqual({ nats: { status: 'up' } });
  });

  it('is down without a required dependency, degraded without another', async () => {
    const gone = () => Promise.reject(new Error('gone'));
    expect(await indicate(gone)).toEqual({ nats: { status: 'down', message: 'gone' } });
    expect(await indicate(gone, false)).toEqual({ nats: { status: 'degraded', message: 'gone' } });
  });

  it('does not wait for one that is silent', async () => {
    expect(await indicate(() => new Promise(() => undefined))).toEqual({
      nats: { status: 'down', message: 'No answer within 20 ms' },
    });
  });
});
