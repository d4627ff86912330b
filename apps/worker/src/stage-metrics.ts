import { HOLD_REASONS, HOLDABLE_STAGES, StageHolds, type Broker } from '@darkroom/events';
import type { Metrics } from '@darkroom/observability';

/** Which stages are held, asked of the broker when the metrics are scraped; left out while it is away. */
export async function observeHolds(broker: Broker, { stagePaused }: Metrics): Promise<void> {
  stagePaused.reset();
  if (!broker.connected) return;
  const held = await (await StageHolds.open(broker)).list();
  for (const stage of HOLDABLE_STAGES) {
    for (const reason of HOLD_REASONS) {
      stagePaused.set({ stage, reason }, held.some((hold) => hold.stage === stage && hold.reason === reason) ? 1 : 0);
    }
  }
}
