import type { Lane } from '@darkroom/domain';
import type { Broker } from './connect.js';
import { WORK_STREAM, workConsumer, workFilter, type WorkStage } from './subjects.js';

/** One queue of work, as the broker has it at this moment. */
export interface QueueState {
  readonly stage: WorkStage;
  readonly lane: Lane;
  /** Pieces of work that nobody was given yet. */
  readonly waiting: number;
  /** How long the first of them has waited; 0 when there is none. Seconds. */
  readonly oldestSeconds: number;
  /** Given to workers, and not done with. */
  readonly inHand: number;
  /** Of those, given out more than once. */
  readonly redelivered: number;
  /** Workers' requests for more that are open. */
  readonly pulls: number;
}

/** @throws whatever the client throws: the broker is away, or there is no such consumer */
export async function queueState({ manager }: Broker, stage: WorkStage, lane: Lane): Promise<QueueState> {
  const info = await manager.consumers.info(WORK_STREAM, workConsumer(stage, lane));
  // The first that was not delivered yet: those before it are in somebody's hands.
  const first = { seq: info.delivered.stream_seq + 1, next_by_subj: workFilter(stage, lane) };
  const oldest = info.num_pending === 0 ? null : await manager.direct.getMessage(WORK_STREAM, first);
  return {
    stage,
    lane,
    waiting: info.num_pending,
    oldestSeconds: oldest ? Math.max(0, Date.now() - oldest.time.getTime()) / 1_000 : 0,
    inHand: info.num_ack_pending,
    redelivered: info.num_redelivered,
    pulls: info.num_waiting,
  };
}
