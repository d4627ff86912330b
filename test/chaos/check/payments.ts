import type { RecordedEvent } from '@darkroom/events';
import { historiesOf, type Evidence, type PaidPrediction, type Violation } from './evidence.js';

/** Generations that asked for the same, one in most cases, and what was bought for them. */
interface Account {
  readonly ids: readonly string[];
  /** Begun attempts of the generate stage, by when they began. Milliseconds. */
  readonly attempts: readonly number[];
  readonly predictions: readonly PaidPrediction[];
}

/**
 * Nothing was bought that the histories do not explain: for each attempt at most one prediction, one alive at a time, none
 * left running; and no prediction serves two generations, or one that asked for something else.
 */
export function checkPayments({ log, predictions }: Pick<Evidence, 'log' | 'predictions'>): Violation[] {
  const accounts = accountsOf(log, predictions);
  const violations = [...accounts.values()].flatMap(checkAccount);
  for (const { prompt, id } of predictions) {
    if (!accounts.has(prompt)) violations.push(overpaid(null, `prediction ${id} belongs to no generation: ${prompt}`));
  }
  return [...violations, ...checkOwners(log, predictions)];
}

function accountsOf(log: readonly RecordedEvent[], predictions: readonly PaidPrediction[]): Map<string, Account> {
  const byPrompt = new Map<string, { ids: string[]; attempts: number[]; predictions: PaidPrediction[] }>();
  for (const [id, history] of historiesOf(log)) {
    const [first] = history;
    if (first?.type !== 'GenerationRequested') continue;
    const { prompt } = first.data.input;
    const account = byPrompt.get(prompt) ?? { ids: [], attempts: [], predictions: [] };
    byPrompt.set(prompt, account);
    account.ids.push(id);
    for (const event of history) {
      if (event.type === 'AttemptStarted' && event.data.stage === 'generate') {
        account.attempts.push(Date.parse(event.time));
      }
    }
  }
  for (const prediction of predictions) byPrompt.get(prediction.prompt)?.predictions.push(prediction);
  return byPrompt;
}

function checkAccount({ ids, attempts, predictions }: Account): Violation[] {
  const [generationId = null] = ids;
  const bought = predictions.length;
  if (bought > attempts.length) {
    return [overpaid(generationId, `${bought} predictions for ${attempts.length} attempts`)];
  }
  const alive = mostAtOnce(predictions);
  if (alive > ids.length) return [overpaid(generationId, `${alive} predictions alive at once`)];
  const running = predictions.filter(({ completedAt }) => completedAt === null);
  if (running.length > 0) return [overpaid(generationId, `prediction ${running[0]!.id} was left running`)];
  // Whose attempt a prediction is can only be told by its time where nobody else asked for the same.
  return ids.length === 1 ? checkWindows(ids[0]!, attempts, predictions) : [];
}

/** Each prediction was created after an attempt began, and before the next one did: the only one there. */
function checkWindows(
  generationId: string,
  attempts: readonly number[],
  predictions: readonly PaidPrediction[],
): Violation[] {
  const used = new Map<number, string>();
  return predictions.flatMap(({ id, createdAt }) => {
    const attempt = attempts.findLastIndex((began) => began <= Date.parse(createdAt));
    if (attempt < 0) return [overpaid(generationId, `prediction ${id} was bought before any attempt began`)];
    const other = used.get(attempt);
    used.set(attempt, id);
    return other === undefined
      ? []
      : [overpaid(generationId, `predictions ${other} and ${id} were bought by one attempt`)];
  });
}

function mostAtOnce(predictions: readonly PaidPrediction[]): number {
  const changes = predictions
    .flatMap(({ createdAt, completedAt }) => [
      { at: Date.parse(createdAt), by: 1 },
      { at: completedAt === null ? Infinity : Date.parse(completedAt), by: -1 },
    ])
    // One that ends in the millisecond in which the next begins is not beside it.
    .sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of changes) most = Math.max(most, (now += by));
  return most;
}

function checkOwners(log: readonly RecordedEvent[], predictions: readonly PaidPrediction[]): Violation[] {
  const known = new Map(predictions.map((prediction) => [prediction.id, prediction]));
  const prompts = new Map<string, string>();
  const owners = new Map<string, string>();
  return log.flatMap((event) => {
    const { generationId } = event;
    if (event.type === 'GenerationRequested') prompts.set(generationId, event.data.input.prompt);
    if (event.type !== 'PredictionCreated') return [];
    const { prediction_id: id } = event.data;
    const owner = owners.get(id) ?? generationId;
    owners.set(id, owner);
    if (owner !== generationId) return [overpaid(generationId, `prediction ${id} is also that of ${owner}`)];
    const prediction = known.get(id);
    if (!prediction) return [overpaid(generationId, `the provider does not know prediction ${id}`)];
    const wanted = prompts.get(generationId);
    return prediction.prompt === wanted ? [] : [overpaid(generationId, `prediction ${id} shows ${prediction.prompt}`)];
  });
}

function overpaid(generationId: string | null, what: string): Violation {
  return { invariant: 'overpaid', generationId, what };
}
