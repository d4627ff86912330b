import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';

/** A server of images on this machine, which may be away, lie, or change its mind. */
export interface SourceServer {
  /** Requests since the start, by path. */
  readonly requests: Map<string, number>;
  /** Serves `content` under a path from now on, whatever it is, and answers its address. */
  serve(path: string, content: Buffer | RequestListener, contentType?: string): string;
  stop(): Promise<void>;
}

export async function startSourceServer(): Promise<SourceServer> {
  const listeners = new Map<string, RequestListener>();
  const requests = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.set(path, (requests.get(path) ?? 0) + 1);
    const listener = listeners.get(path);
    if (listener) listener(request, response);
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    requests,
    serve(path, content, contentType = 'image/png') {
      const send: RequestListener = (_request, response) =>
        void response.writeHead(200, { 'content-type': contentType }).end(content);
      listeners.set(path, typeof content === 'function' ? content : send);
      return `http://127.0.0.1:${port}${path}`;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A picture that no other colour has, of a few hundred bytes. */
export function smallPicture(colour: string, format: 'png' | 'jpeg' | 'webp' = 'png'): Promise<Buffer> {
  const create = { width: 64, height: 48, channels: 3, background: colour } as const;
  return sharp({ create }).toFormat(format).toBuffer();
}

/** A square of noise, other each time, of about three bytes a pixel. */
export function noisePicture(side: number): Promise<Buffer> {
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
  return sharp({ create: { width: side, height: side, channels: 3, background: 'black', noise } })
    .png()
    .toBuffer();
}

/** Of more than 256 KB. */
export function largePicture(): Promise<Buffer> {
  return noisePicture(480);
}
