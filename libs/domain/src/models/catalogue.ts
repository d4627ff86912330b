import { FLUX_1_MODELS } from './entries/flux-1.js';
import { FLUX_PRO_MODELS } from './entries/flux-pro.js';
import { GOOGLE_MODELS } from './entries/google.js';
import { IDEOGRAM_MODELS } from './entries/ideogram.js';
import { QWEN_MODELS } from './entries/qwen.js';
import { RECRAFT_MODELS } from './entries/recraft.js';
import { SEEDREAM_MODELS } from './entries/seedream.js';
import { STABLE_DIFFUSION_MODELS } from './entries/stable-diffusion.js';
import { TOOL_MODELS } from './entries/tools.js';
import type { Model } from './model.js';

/** Every model there is, in the order in which clients are shown them. */
export const MODELS: readonly Model[] = [
  ...FLUX_1_MODELS,
  ...FLUX_PRO_MODELS,
  ...STABLE_DIFFUSION_MODELS,
  ...IDEOGRAM_MODELS,
  ...GOOGLE_MODELS,
  ...RECRAFT_MODELS,
  ...SEEDREAM_MODELS,
  ...QWEN_MODELS,
  ...TOOL_MODELS,
];

export const DEFAULT_MODEL_ID = 'black-forest-labs/flux-schnell';

const BY_ID: ReadonlyMap<string, Model> = new Map(MODELS.map((model) => [model.id, model]));

/** The model of this `owner/name`, offered or not; null when the catalogue has none. */
export function findModel(id: string): Model | null {
  return BY_ID.get(id) ?? null;
}
