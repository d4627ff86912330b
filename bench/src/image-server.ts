/**
 * The provider's side of the benchmark of downloads: serves WebP of 1,024 by 1,024 pixels from memory, as detailed as a
 * model's. A process of its own: `node image-server.js` with PORT and COUNT.
 */
import Fastify from 'fastify';
import sharp from 'sharp';

const SIDE = 1_024;
const { PORT, COUNT } = process.env;

const images = await Promise.all(Array.from({ length: Number(COUNT) }, (_, index) => draw(index)));
const app = Fastify();

app.get('/ready', () => ({}));
app.get<{ Params: { name: string } }>('/:name', async (request, reply) => {
  const image = images[Number.parseInt(request.params.name, 10)];
  if (!image) return reply.status(404).send();
  return reply.type('image/webp').send(image);
});

await app.listen({ port: Number(PORT), host: '127.0.0.1' });
process.once('SIGTERM', () => process.exit(0));

/** Soft colours, edges, and a grain of a few pixels: about 150 kB. */
async function draw(index: number): Promise<Buffer> {
  const hue = (index * 47) % 360;
  const shapes = Array.from({ length: 60 }, (_, shape) => {
    const [x, y] = [(shape * 193 + index * 71) % SIDE, (shape * 389 + index * 29) % SIDE];
    const fill = `hsl(${(hue + shape * 31) % 360} 60% ${30 + (shape % 5) * 10}%)`;
    return `<circle cx="${x}" cy="${y}" r="${20 + (shape % 9) * 14}" fill="${fill}" opacity="0.7"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${SIDE}" height="${SIDE}">${shapes.join('')}</svg>`;
  const noise = { type: 'gaussian', mean: 128, sigma: 34 } as const;
  const grain = sharp({ create: { width: SIDE / 4, height: SIDE / 4, channels: 3, background: 'black', noise } });
  const large = await grain.resize(SIDE, SIDE).png({ compressionLevel: 0 }).toBuffer();
  return sharp(large)
    .composite([{ input: Buffer.from(svg) }])
    .webp({ quality: 80 })
    .toBuffer();
}
