import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';

/** `small` goes into the provider's input, `large` to its files. */
export const SOURCE_SIZES = ['small', 'large'] as const;
export type SourceSize = (typeof SOURCE_SIZES)[number];

/** Pixels of a side: noise, so that as a PNG the large one has more than 256 KiB. */
const SIDES: Readonly<Record<SourceSize, number>> = { small: 128, large: 352 };

/** A website with images to start from; every address has bytes of its own, so that each has to be sent. */
export class SourceImages {
  private constructor(private readonly server: Server) {}

  static async start(): Promise<SourceImages> {
    const [small, large] = await Promise.all(SOURCE_SIZES.map((size) => noise(SIDES[size])));
    const server = createServer(({ url = '' }, response) => {
      // What follows the end of a PNG is no part of the image, and is of its bytes.
      const content = [url.startsWith('/large') ? large! : small!, Buffer.from(url)];
      response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.concat(content));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new SourceImages(server);
  }

  urlOf(size: SourceSize, name: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${size}/${name}.png`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

function noise(side: number): Promise<Buffer> {
  const gaussian = { type: 'gaussian', mean: 128, sigma: 60 } as const;
  return sharp({ create: { width: side, height: side, channels: 3, background: 'black', noise: gaussian } })
    .png()
    .toBuffer();
}
