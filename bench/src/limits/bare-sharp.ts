/**
 * The limit of downloading: sharp alone, making what the download stage makes of an image that is in memory: thumbnails
 * of 512 and 256 pixels, and the pixels of a blurhash, from one decoding. Nothing is fetched, hashed, stored or recorded. A
 * process of its own: `node bare-sharp.js` with PORT, IMAGES (addresses) and CONCURRENCY; `/run/<count>` answers images
 * per second.
 */
import Fastify from 'fastify';
import sharp, { type Sharp } from 'sharp';
import { rate } from '../operations.js';

const { PORT, IMAGES, CONCURRENCY } = process.env;
const WEBP = { quality: 80, effort: 2 };

const images = await Promise.all((IMAGES ?? '').split(' ').map(fetchBytes));
const app = Fastify();

app.get('/ready', () => ({}));
app.get<{ Params: { count: string } }>('/run/:count', async (request) => {
  let next = 0;
  return rate(Number(request.params.count), Number(CONCURRENCY), () => transform(images[next++ % images.length]!));
});

await app.listen({ port: Number(PORT), host: '127.0.0.1' });
process.once('SIGTERM', () => process.exit(0));

async function transform(image: Buffer): Promise<void> {
  const middle = await shrunk(sharp(image, { failOn: 'error' }), 512);
  const small = await shrunk(middle, 256);
  await Promise.all([
    middle.clone().webp(WEBP).toBuffer(),
    small.clone().webp(WEBP).toBuffer(),
    small.clone().resize(32, 32).ensureAlpha().raw().toBuffer(),
  ]);
}

async function shrunk(image: Sharp, side: number): Promise<Sharp> {
  const { data, info } = await image.clone().resize(side, side).raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return sharp(data, { raw: { width, height, channels } });
}

async function fetchBytes(url: string): Promise<Buffer> {
  return Buffer.from(await (await fetch(url)).arrayBuffer());
}
