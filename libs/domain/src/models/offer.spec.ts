import { describe, expect, it } from '@jest/globals';
import { MODELS } from './catalogue.js';
import type { Model } from './model.js';
import { NO_SWITCHES, offerOf, whyNotOffered, type ModelSwitch } from './offer.js';
import { prepareFor } from './prepare.js';
import { presentModel } from './present.js';

const base = MODELS.find(({ kind, source }) => kind === 'text-to-image' && source === null)!;
const offered: Model = { ...base, id: 'o/offered', availability: { state: 'offered' }, unsure: 'unsure of something' };
const retired: Model = {
  ...base,
  id: 'r/retired',
  availability: { state: 'retired', note: 'its maker ended it', successor: offered.id },
};
const switched = (model: Model, to: ModelSwitch['to'], note: string | null = null) =>
  new Map([[model.id, { to, note, since: '2030-01-01T00:00:00.000Z' }]]);

describe('a model', () => {
  it('is offered as the catalogue says', () => {
    expect(offerOf(offered, NO_SWITCHES)).toEqual({ active: true, note: 'unsure of something', successor: null });
    expect(offerOf(retired, NO_SWITCHES)).toEqual({ active: false, note: 'its maker ended it', successor: offered.id });
    expect(whyNotOffered(offered, NO_SWITCHES)).toBeNull();
    expect(whyNotOffered(retired, NO_SWITCHES)).toBe('r/retired is not offered (its maker ended it): use o/offered');
  });

  it('that an operator has switched off is not, and says why and what instead as far as that is known', () => {
    expect(offerOf(offered, switched(offered, 'off'))).toEqual({ active: false, note: null, successor: null });
    expect(whyNotOffered(offered, switched(offered, 'off'))).toBe('o/offered is switched off by an operator');
    expect(whyNotOffered(offered, switched(offered, 'off', 'an incident'))).toBe(
      'o/offered is switched off by an operator (an incident)',
    );
    expect(whyNotOffered(retired, switched(retired, 'off', 'for good'))).toBe(
      'r/retired is switched off by an operator (for good): use o/offered',
    );
  });

  it('that an operator has switched on is, whatever the catalogue says, and that it is retired is still told', () => {
    const on = switched(retired, 'on', 'for one customer');
    expect(offerOf(retired, on)).toEqual({ active: true, note: 'its maker ended it', successor: null });
    expect(whyNotOffered(retired, on)).toBeNull();
    expect(offerOf(offered, switched(offered, 'on'))).toEqual(offerOf(offered, NO_SWITCHES));
  });

  it('is not concerned by the switches of others', () => {
    const others = switched(retired, 'off', 'not about it');
    expect(offerOf(offered, others)).toEqual(offerOf(offered, NO_SWITCHES));
  });

  it('is prepared and shown accordingly', () => {
    const request = { prompt: 'a cat' };
    const off = switched(offered, 'off', 'an incident');
    expect(prepareFor(offered, request)).toMatchObject({ ok: true });
    expect(prepareFor(offered, request, { switches: off })).toEqual({
      ok: false,
      code: 'unknown_model',
      errors: [{ field: 'model_id', message: 'o/offered is switched off by an operator (an incident)' }],
    });
    expect(prepareFor(retired, request)).toMatchObject({ ok: false, code: 'unknown_model' });
    expect(prepareFor(retired, request, { switches: switched(retired, 'on') })).toMatchObject({ ok: true });
    expect(presentModel(offered)).toMatchObject(offerOf(offered, NO_SWITCHES));
    expect(presentModel(retired)).toMatchObject(offerOf(retired, NO_SWITCHES));
  });
});
