import {
  DISPATCHER_CONSUMER,
  EVENTS_STREAM,
  queuesOf,
  queueState,
  SERVED_STAGES,
  StageHolds,
  type Broker,
  type QueueState,
  type ServedStage,
  type StageHold,
} from '@darkroom/events';
import type { ConsumerInfo } from '@nats-io/jetstream';
import { setTimeout as delay } from 'node:timers/promises';
import { ok, problem, seconds, warning, type Finding } from './finding.js';

/** Between two pulls a worker asks for nothing, for a moment: who seems not to be there is looked for again. Milliseconds. */
const PAUSE_MS = 500;
const LOOKS = 4;
/** As the alert DarkroomQueueOld. */
const OLD_SECONDS = 900;

const roleOf: Readonly<Record<ServedStage, string>> = {
  admit: 'dispatch',
  generate: 'generate',
  download: 'download',
  cancel: 'generate',
};

/** What waits at each stage, whether somebody serves it, and what is held. */
export async function checkQueues(broker: Broker): Promise<Finding[]> {
  const holds = await (await StageHolds.open(broker)).list();
  const stages = await Promise.all(SERVED_STAGES.map((stage) => checkStage(broker, stage, holds)));
  return [await checkDispatcher(broker), ...stages.flat()];
}

async function checkDispatcher({ manager }: Broker): Promise<Finding> {
  const info = () => manager.consumers.info(EVENTS_STREAM, DISPATCHER_CONSUMER);
  const needsServing = ({ num_pending, num_waiting, num_ack_pending }: ConsumerInfo) =>
    num_pending > 0 && num_waiting + num_ack_pending === 0;
  const { now, isUnserved } = await lookAgain(info, needsServing);
  const told = `${now.num_pending} facts wait to be turned into work`;
  if (!isUnserved) return ok('dispatch', told);
  return problem('dispatch', `nobody serves it; ${told}`, 'start a worker with the role dispatch (WORKER_ROLES)');
}

async function checkStage(broker: Broker, stage: ServedStage, holds: readonly StageHold[]): Promise<Finding[]> {
  const subject = `queue ${stage}`;
  const lanes = () => Promise.all(queuesOf(stage).map((queue) => queueState(broker, queue.stage, queue.lane)));
  const needsServing = (states: readonly QueueState[]) =>
    sum(states, 'waiting') > 0 && sum(states, 'pulls') + sum(states, 'inHand') === 0;
  const { now, isUnserved } = await lookAgain(lanes, needsServing);
  const told = describe(now);
  const hold = holds.find((each) => each.stage === stage);
  if (hold) return [held(subject, hold, told)];
  if (isUnserved) {
    const todo = `start a worker with the role ${roleOf[stage]} (WORKER_ROLES)`;
    return [problem(subject, `nobody serves it; ${told}`, todo)];
  }
  const findings: Finding[] = [];
  const oldest = Math.max(...now.map(({ oldestSeconds }) => oldestSeconds));
  if (oldest > OLD_SECONDS) {
    findings.push(
      warning(subject, told, 'docs/operations.md, DarkroomQueueOld: add workers, or find what holds them up'),
    );
  }
  const again = sum(now, 'redelivered');
  if (again > 0) {
    findings.push(
      warning(
        subject,
        `${again} pieces of work in hand were given out before: a worker died, or fails`,
        "read the worker's log",
      ),
    );
  }
  return findings.length > 0 ? findings : [ok(subject, told)];
}

function held(subject: string, { stage, reason, since, until, note, complete }: StageHold, told: string): Finding {
  const resume = `darkroom resume ${stage}`;
  const from = since ? ` since ${since}` : '';
  if (!complete)
    return problem(
      subject,
      `only some of its lanes are held (${reason}${from})`,
      `darkroom pause ${stage}, or ${resume}`,
    );
  if (reason === 'operator') {
    return warning(subject, `paused by an operator${from}${note ? ` (${note})` : ''}; ${told}`, resume);
  }
  return problem(
    subject,
    `held${from} until ${until}: the provider's account is out of credit; ${told}`,
    `add credit, then ${resume}`,
  );
}

function describe(lanes: readonly QueueState[]): string {
  const oldest = Math.max(...lanes.map(({ oldestSeconds }) => oldestSeconds));
  const waiting = sum(lanes, 'waiting');
  return `${waiting} wait${waiting > 0 ? `, the oldest for ${seconds(oldest)}` : ''}, ${sum(lanes, 'inHand')} in hand`;
}

function sum(lanes: readonly QueueState[], field: 'waiting' | 'inHand' | 'redelivered' | 'pulls'): number {
  return lanes.reduce((total, lane) => total + lane[field], 0);
}

/** What nobody seems to serve is looked at again, for a while. */
async function lookAgain<T>(
  state: () => Promise<T>,
  needsServing: (state: T) => boolean,
): Promise<{ now: T; isUnserved: boolean }> {
  for (let looks = 1; ; looks++) {
    const now = await state();
    const isUnserved = needsServing(now);
    if (!isUnserved || looks === LOOKS) return { now, isUnserved };
    await delay(PAUSE_MS);
  }
}
