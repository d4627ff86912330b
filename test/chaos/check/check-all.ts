import type { Evidence, Violation } from './evidence.js';
import { checkHistories } from './histories.js';
import { checkImages } from './images.js';
import { checkPayments } from './payments.js';
import { checkPromises } from './promises.js';
import { checkQueues } from './queues.js';
import { checkReadModels } from './read-models.js';

/** Everything that is wrong after a run. */
export function checkAll(evidence: Evidence): Violation[] {
  return [checkPromises, checkPayments, checkHistories, checkImages, checkReadModels, checkQueues].flatMap((check) =>
    check(evidence),
  );
}
