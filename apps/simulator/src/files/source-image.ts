import { type Model, type Pixels, type ProviderInput, sourceOf } from '@darkroom/domain';
import sharp from 'sharp';

const DATA_URI = /^data:[^,]*;base64,/i;

/** Bytes of an image that an input holds; null for an address, which the simulator does not fetch. */
export function sourceBytes(uri: string): Buffer | null {
  const header = DATA_URI.exec(uri.slice(0, 200));
  return header && Buffer.from(uri.slice(header[0].length), 'base64');
}

/** Pixels of the image that a prediction starts from, as a viewer shows it; null when the simulator cannot see one. */
export async function sourceSizeOf(model: Model, input: ProviderInput): Promise<Pixels | null> {
  const uri = sourceOf(model, input);
  const bytes = uri === null ? null : sourceBytes(uri);
  if (bytes === null) return null;
  try {
    const { autoOrient } = await sharp(bytes).metadata();
    return { width: autoOrient.width, height: autoOrient.height };
  } catch {
    // Whatever it is, the model will make something of it or fail; the create does not look into it.
    return null;
  }
}
