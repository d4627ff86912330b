import type { Model, SourceRule } from '../model.js';

/** What of a model an entry has to say; the rest may be left out where it is as in `USUAL`. */
export type Entry = Omit<Model, keyof typeof USUAL> & Partial<Model>;

const USUAL = {
  version: null,
  published: {},
  drawsNoSeed: false,
  outputs: null,
  formatField: null,
  size: null,
  source: null,
  references: null,
  typicalSeconds: null,
  availability: { state: 'offered' },
  unsure: null,
} as const satisfies Partial<Model>;

/** A model of the catalogue: called by its name, offered, and without whatever its entry does not name. */
export function defineModel(entry: Entry): Model {
  return { ...USUAL, ...entry };
}

/** A source image in the model's input `field`: one, not required, without strength or mask, unless said otherwise. */
export function sourceIn(field: string, rule: Partial<Omit<SourceRule, 'field'>> = {}): SourceRule {
  return {
    field,
    list: false,
    required: false,
    strength: null,
    givesShape: false,
    shape: {},
    scale: null,
    mask: null,
    limits: {},
    ...rule,
  };
}

/** A strength in the model's input `field` that counts as ours does: 1 leaves nothing of the source. */
export function departure(field: string): SourceRule['strength'] {
  return { field, counts: 'departure' };
}
