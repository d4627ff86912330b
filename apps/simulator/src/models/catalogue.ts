import { fluxDev } from './flux-dev.js';
import { fluxSchnell } from './flux-schnell.js';
import { sdxl } from './sdxl.js';
import type { SimulatedModel } from './simulated-model.js';

const models: readonly SimulatedModel[] = [fluxSchnell, fluxDev, sdxl];

export function findModel(id: string): SimulatedModel | undefined {
  return models.find((model) => model.id === id);
}

export function findOfficialModel(id: string): SimulatedModel | undefined {
  return models.find((model) => model.id === id && model.version === null);
}

/** The model that `version` of `POST /predictions` means: `<hash>`, `owner/name:<hash>`, or `owner/name` if official. */
export function findModelByVersion(version: string): SimulatedModel | undefined {
  const official = findOfficialModel(version);
  if (official) return official;
  const [name, hash] = version.includes(':') ? version.split(':', 2) : [undefined, version];
  return models.find((model) => model.version === hash && (name === undefined || name === model.id));
}
