import { fluxDev } from './entries/flux-dev.js';
import { fluxSchnell } from './entries/flux-schnell.js';
import { sdxl } from './entries/sdxl.js';
import type { Model } from './model.js';

/** Every model there is, in the order in which clients are shown them. */
export const MODELS: readonly Model[] = [fluxSchnell, fluxDev, sdxl];

export const DEFAULT_MODEL_ID = 'black-forest-labs/flux-schnell';

const BY_ID: ReadonlyMap<string, Model> = new Map(MODELS.map((model) => [model.id, model]));

/** The model of this `owner/name`, active or not; null when the catalogue has none. */
export function findModel(id: string): Model | null {
  return BY_ID.get(id) ?? null;
}
