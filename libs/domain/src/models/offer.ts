import type { Model } from './model.js';

/** What an operator has decided of a model, whatever the catalogue says of it. */
export interface ModelSwitch {
  readonly to: 'on' | 'off';
  /** ISO 8601 UTC. */
  readonly since: string;
  readonly note: string | null;
}

/** By the model's id. A model that is not in it is as the catalogue has it. */
export type ModelSwitches = ReadonlyMap<string, ModelSwitch>;

export const NO_SWITCHES: ModelSwitches = new Map();

/** Whether a model can be asked for now, and what its clients are told of that. */
export interface Offer {
  readonly active: boolean;
  /** Why it is not offered, or what could not be confirmed of it. */
  readonly note: string | null;
  /** What to ask for instead of a model that is not offered; null also when nothing is known. */
  readonly successor: string | null;
}

/** The catalogue's word on a model, unless an operator has switched it: that always wins. */
export function offerOf({ id, availability, unsure }: Model, switches: ModelSwitches): Offer {
  const by = switches.get(id);
  const withdrawn = availability.state === 'offered' ? null : availability;
  const active = by ? by.to === 'on' : withdrawn === null;
  if (active) return { active, note: withdrawn?.note ?? unsure, successor: null };
  return { active, note: by?.note ?? withdrawn?.note ?? null, successor: withdrawn?.successor ?? null };
}

/** Why a model cannot be asked for now, and what to do instead, as its clients are told it; null when it can. */
export function whyNotOffered(model: Model, switches: ModelSwitches): string | null {
  const { active, note, successor } = offerOf(model, switches);
  if (active) return null;
  const what = switches.has(model.id) ? 'is switched off by an operator' : 'is not offered';
  return `${model.id} ${what}${note ? ` (${note})` : ''}${successor ? `: use ${successor}` : ''}`;
}
