import { LANES } from '@darkroom/domain';
import { queueState, WORK_STAGES, type Broker } from '@darkroom/events';
import type { Metrics } from '@darkroom/observability';

/**
 * Depth and age of every queue, asked of the broker when the metrics are scraped. While the broker is away the queues
 * are unknown, and their metrics are left out.
 */
export async function observeQueues(broker: Broker, metrics: Metrics): Promise<void> {
  metrics.queueDepth.reset();
  metrics.queueOldestAge.reset();
  if (!broker.connected) return;
  await Promise.allSettled(
    WORK_STAGES.flatMap((stage) =>
      LANES.map(async (lane) => {
        const { waiting, oldestSeconds } = await queueState(broker, stage, lane);
        metrics.queueDepth.set({ stage, lane }, waiting);
        metrics.queueOldestAge.set({ stage, lane }, oldestSeconds);
      }),
    ),
  );
}
