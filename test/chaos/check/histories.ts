import type { RecordedEvent } from '@darkroom/events';
import { historiesOf, type Evidence, type Violation } from './evidence.js';

/** Where a generation can be between two events: docs/ARCHITECTURE.md, "The states", and what is in hand there. */
type Place =
  | 'nowhere'
  | 'waiting to generate'
  | 'asking the provider'
  | 'generating'
  | 'waiting to download'
  | 'downloading'
  | 'completed'
  | 'failed'
  | 'cancelled';

interface Walk {
  readonly place: Place;
  /** Number of the attempt in hand, or of the last one. */
  readonly attempt: number;
  readonly prediction: string | null;
  /** An attempt whose prediction may exist and was not found: it may still turn up. */
  readonly unresolved: number | null;
}

/** Every history goes a way that the states allow, and its numbers fit. Written without the aggregate's own code. */
export function checkHistories({ log }: Pick<Evidence, 'log'>): Violation[] {
  return [...historiesOf(log)].flatMap(([generationId, history]) => {
    const what = mistakeIn(history);
    return what === null ? [] : [{ invariant: 'forbidden' as const, generationId, what }];
  });
}

function mistakeIn(history: readonly RecordedEvent[]): string | null {
  let walk: Walk = { place: 'nowhere', attempt: 0, prediction: null, unresolved: null };
  const seen = new Set<string>();
  let position = 0;
  let most = 0;
  for (const [index, event] of history.entries()) {
    const at = `${event.type}, version ${event.version}`;
    if (event.version !== index + 1) return `${at}: version ${index + 1} was expected`;
    if (event.position <= position) return `${at}: its position ${event.position} comes after ${position}`;
    for (const name of [`event ${event.id}`, `command ${event.commandId}`]) {
      if (seen.has(name)) return `${at}: ${name} is there twice`;
      seen.add(name);
    }
    const next = step(walk, event);
    if (next === null) return `${at}: not while ${walk.place} (attempt ${walk.attempt}, ${walk.prediction ?? 'none'})`;
    if (event.type === 'GenerationRequested') most = event.data.max_attempts;
    if (event.type === 'AttemptStarted' && event.data.attempt > most) {
      return `${at}: attempt ${event.data.attempt} of at most ${most}`;
    }
    walk = next;
    position = event.position;
  }
  return null;
}

const ENDED: readonly Place[] = ['nowhere', 'completed', 'failed', 'cancelled'];

/** Where an event leads from a place; null when it must not happen there. */
function step(walk: Walk, event: RecordedEvent): Walk | null {
  const { place, attempt, unresolved } = walk;
  const isOpen = !ENDED.includes(place);
  const isGenerating = place === 'asking the provider' || place === 'generating';
  switch (event.type) {
    case 'GenerationRequested':
      return place === 'nowhere' ? { ...walk, place: 'waiting to generate' } : null;
    case 'AttemptStarted': {
      const { stage } = event.data;
      if (place !== `waiting to ${stage}`) return null;
      const next = stage === 'generate' ? 'asking the provider' : 'downloading';
      return { place: next, attempt: event.data.attempt, prediction: null, unresolved: null };
    }
    case 'PredictionCreated': {
      const { attempt: of, prediction_id: prediction } = event.data;
      const isInHand = place === 'asking the provider' && of === attempt;
      const turnsUp = place === 'waiting to generate' && of === unresolved;
      return isInHand || turnsUp ? { place: 'generating', attempt: of, prediction, unresolved: null } : null;
    }
    case 'Generated': {
      const { attempt: of, prediction_id: prediction } = event.data;
      const fits = place === 'generating' && of === attempt && prediction === walk.prediction;
      return fits ? { ...walk, place: 'waiting to download', attempt: 0 } : null;
    }
    case 'Downloaded':
      return place === 'downloading' && event.data.attempt === attempt ? { ...walk, place: 'completed' } : null;
    case 'AttemptFailed': {
      const { stage, retry_stage, attempt: of, error } = event.data;
      const inHand = stage === 'generate' ? isGenerating : place === 'downloading';
      if (!inHand || of !== attempt || (stage === 'generate' && retry_stage === 'download')) return null;
      const lost = stage === 'generate' && error.code === 'outcome_unknown' ? of : null;
      return { ...walk, place: `waiting to ${retry_stage}`, prediction: null, unresolved: lost };
    }
    case 'Failed': {
      if (!isOpen) return null;
      const { code } = event.data.error;
      const mayTurnUp = code === 'delivery_exhausted' ? (isGenerating ? attempt : unresolved) : null;
      return { ...walk, place: 'failed', unresolved: mayTurnUp };
    }
    case 'Cancelled':
      return isOpen ? { ...walk, place: 'cancelled' } : null;
    case 'RetryRequested':
      return place === 'failed' ? { ...walk, place: `waiting to ${event.data.stage}` } : null;
  }
}
