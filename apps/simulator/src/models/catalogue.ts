import { findModel, MODELS, type Model } from '@darkroom/domain';

/*
 * The simulator has no models of its own: what Darkroom sends by its catalogue is answered by the same catalogue, so that
 * there is one source of facts, and a model that is added there is known here. What makes it a test all the same: an input
 * is checked by what the model publishes, not by stricter limits of ours, and by ajv, not by our own reading of a schema.
 */

/** By `owner/name`, for official models alone. */
export function findOfficialModel(id: string): Model | undefined {
  const model = findModel(id);
  return model?.version === null ? model : undefined;
}

/** The model that `version` of `POST /predictions` means: `<hash>`, `owner/name:<hash>`, or `owner/name` if official. */
export function findModelByVersion(version: string): Model | undefined {
  const official = findOfficialModel(version);
  if (official) return official;
  const [name, hash] = version.includes(':') ? version.split(':', 2) : [undefined, version];
  return MODELS.find((model) => model.version === hash && (name === undefined || name === model.id));
}
