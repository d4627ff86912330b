import { describe, expect, it } from '@jest/globals';
import { findModel, MODELS } from './catalogue.js';
import { imagesIn, withImages } from './images.js';

const [a, b] = ['https://example.com/a.png', 'storage:uploads/x/b.png'];

describe('images of an input', () => {
  it('are what the model’s schema says, in lists too, and nothing else that looks alike', () => {
    const dev = findModel('black-forest-labs/flux-dev');
    const input = { prompt: a, image: b, seed: 0 };
    expect(imagesIn(dev, input)).toEqual([b]);
    expect(withImages(dev, input, () => 'data:,')).toEqual({ prompt: a, image: 'data:,', seed: 0 });

    const list = MODELS.find(({ source }) => source?.list)!;
    const several = { prompt: 'x', [list.source!.field]: [a, b, a] };
    expect(imagesIn(list, several)).toEqual([a, b]);
    expect(withImages(list, several, (address) => `<${address}>`)).toEqual({
      prompt: 'x',
      [list.source!.field]: [`<${a}>`, `<${b}>`, `<${a}>`],
    });
  });

  it('are found for every model that takes a source', () => {
    for (const model of MODELS.filter(({ source }) => source !== null)) {
      const { field, list } = model.source!;
      expect([model.id, imagesIn(model, { [field]: list ? [a] : a })]).toEqual([model.id, [a]]);
    }
  });

  it('are none where the model is not known, and the input stays as it is', () => {
    const input = { image: a, toString: 'x' };
    expect(imagesIn(null, input)).toEqual([]);
    expect(withImages(findModel('black-forest-labs/flux-schnell'), input, () => 'y')).toEqual(input);
  });
});
