import { offerOf, type Model, type ModelSwitch, type ModelSwitches } from '@darkroom/domain';

/** A model as operators see it: what the catalogue says of it, and what one of them has decided. */
export interface ModelState {
  readonly id: string;
  readonly title: string;
  readonly kind: string;
  /** Whether it can be asked for. */
  readonly active: boolean;
  /** By the catalogue. */
  readonly state: Model['availability']['state'];
  /** By an operator; null: left to the catalogue. */
  readonly switched: ModelSwitch['to'] | null;
  /** ISO 8601 UTC; null when nobody has switched it. */
  readonly since: string | null;
  /** The operator's, of a model that was switched, else the catalogue's. */
  readonly note: string | null;
  readonly successor: string | null;
}

export function stateOf(model: Model, switches: ModelSwitches): ModelState {
  const { id, title, kind, availability } = model;
  const by = switches.get(id);
  const { active, note, successor } = offerOf(model, switches);
  return {
    id,
    title,
    kind,
    active,
    state: availability.state,
    switched: by?.to ?? null,
    since: by?.since ?? null,
    note: by ? by.note : note,
    successor,
  };
}

/** One line of the list. */
export function modelLine({ id, state, switched, since, note, successor }: ModelState, width: number): string {
  const catalogue = state === 'offered' && switched ? '' : state;
  const operator = switched && `switched ${switched} by an operator since ${since}`;
  const told = [catalogue, operator].filter(Boolean).join(', ');
  return `${id.padEnd(width)}  ${told}${note ? ` (${note})` : ''}${successor ? `; instead: ${successor}` : ''}`;
}
