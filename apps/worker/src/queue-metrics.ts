import { LANES } from '@darkroom/domain';
import { WORK_STAGES, WORK_STREAM, workConsumer, workFilter, type Broker } from '@darkroom/events';
import type { Metrics } from '@darkroom/observability';

/**
 * Depth and age of every queue, asked of the broker when the metrics are scraped. While the broker is away the queues
 * are unknown, and their metrics are left out.
 */
export async function observeQueues(broker: Broker, metrics: Metrics): Promise<void> {
  metrics.queueDepth.reset();
  metrics.queueOldestAge.reset();
  if (!broker.connected) return;
  const { manager } = broker;
  await Promise.allSettled(
    WORK_STAGES.flatMap((stage) =>
      LANES.map(async (lane) => {
        const { num_pending, delivered } = await manager.consumers.info(WORK_STREAM, workConsumer(stage, lane));
        // The first that was not delivered yet: those before it are in somebody's hands.
        const first = { seq: delivered.stream_seq + 1, next_by_subj: workFilter(stage, lane) };
        const oldest = num_pending === 0 ? null : await manager.direct.getMessage(WORK_STREAM, first);
        metrics.queueDepth.set({ stage, lane }, num_pending);
        const age = oldest ? Math.max(0, Date.now() - oldest.time.getTime()) / 1_000 : 0;
        metrics.queueOldestAge.set({ stage, lane }, age);
      }),
    ),
  );
}
