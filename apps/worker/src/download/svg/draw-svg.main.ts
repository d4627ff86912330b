/**
 * A process of its own: draws the SVG of its standard input, which has been sanitised, at the width and height of its
 * arguments, and writes the pixels, RGBA. The only one that may read SVG at all. The third argument is its time limit in
 * milliseconds: it ends, although whoever started it may be gone.
 */
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';

sharp.cache(false);
sharp.concurrency(1);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: ['VipsForeignLoadSvgBuffer'] });

const [width, height, timeoutMs] = process.argv.slice(2).map(Number);
setTimeout(() => process.kill(process.pid, 'SIGKILL'), timeoutMs).unref();
try {
  const pixels = await sharp(await buffer(process.stdin))
    .resize(width, height, { fit: 'fill' })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer();
  process.stdout.write(pixels);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
