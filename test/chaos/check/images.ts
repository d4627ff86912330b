import { fold } from '@darkroom/domain';
import { historiesOf, type Evidence, type Violation } from './evidence.js';

/** Every completed generation has as many images as it asked for, each readable and byte for byte what its event says. */
export function checkImages({ log, images }: Pick<Evidence, 'log' | 'images'>): Violation[] {
  const seen = new Map(images.map((image) => [image.id, image]));
  return [...historiesOf(log)].flatMap(([generationId, history]) => {
    const state = fold(history);
    if (state?.status !== 'completed') return [];
    const wrong = (what: string): Violation => ({ invariant: 'images', generationId, what });
    const { num_outputs } = state.request.input;
    if (state.images.length !== num_outputs) return [wrong(`${state.images.length} images of ${num_outputs}`)];
    if (new Set(state.images.map(({ id }) => id)).size !== num_outputs) return [wrong('an image is there twice')];
    return state.images.flatMap(({ id, sha256, bytes }) => {
      const image = seen.get(id);
      if (image?.status !== 200) return [wrong(`image ${id} was answered ${image?.status ?? 'by nobody'}`)];
      if (image.sha256 !== sha256 || image.bytes !== bytes)
        return [wrong(`image ${id} has other bytes than its event`)];
      const isOriginal = image.originalSha256 === null || image.originalSha256 === sha256;
      return isOriginal ? [] : [wrong(`image ${id} is not what the provider made`)];
    });
  });
}
