import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { fetchImage, type FetchOptions } from './fetch-image.js';
import { readHeader } from './decode-image.js';

const CONTENT = randomBytes(200_000);
const HALF = CONTENT.subarray(0, 100_000);

describe('fetchImage', () => {
  let servers: (Server | TcpServer)[];

  beforeEach(() => {
    servers = [];
  });

  afterEach(async () => {
    for (const server of servers) {
      if ('closeAllConnections' in server) server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  async function listen(server: Server | TcpServer): Promise<string> {
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/0.png`;
  }

  const serve = (listener: RequestListener) => listen(createServer(listener));
  const local = (url: string, options: FetchOptions = {}) => fetchImage(url, { allowPrivate: () => true, ...options });
  const redirect = (response: ServerResponse, location: string, status = 302) =>
    response.writeHead(status, { location }).end();

  it.each(['with', 'without'])('downloads a file %s a content length', async (kind) => {
    const url = await serve((_request, response) => {
      if (kind === 'with') response.setHeader('content-length', CONTENT.length);
      response.write(HALF);
      response.end(CONTENT.subarray(100_000));
    });
    const { content, bytes, sha256 } = await local(url);
    expect(content.equals(CONTENT)).toBe(true);
    expect(bytes).toBe(200_000);
    expect(sha256).toBe(createHash('sha256').update(CONTENT).digest('hex'));
  });

  it.each([
    [404, 'not_found', false],
    [410, 'not_found', false],
    [403, 'http_error', false],
    [429, 'http_error', true],
    [500, 'http_error', true],
    [503, 'http_error', true],
    [204, 'http_error', false],
    [206, 'http_error', false],
  ])('tells %d as %s', async (status, code, retryable) => {
    const url = await serve((_request, response) => response.writeHead(status).end());
    await expect(local(url)).rejects.toMatchObject({ name: 'DownloadError', code, status, retryable });
  });

  it('does not read the endless body of an error', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(500);
      const fill = () => {
        while (response.write(CONTENT));
      };
      response.on('drain', fill);
      fill();
    });
    await expect(local(url)).rejects.toMatchObject({ code: 'http_error', status: 500 });
  });

  describe('size', () => {
    it('refuses an announced length before any byte of the body', async () => {
      const url = await serve((_request, response) => {
        response.writeHead(200, { 'content-length': 1_000_000_000 }).flushHeaders();
      });
      await expect(local(url, { maxBytes: 1_000 })).rejects.toMatchObject({ code: 'too_large', retryable: false });
    });

    it('counts what comes when nothing is announced, and hangs up', async () => {
      let hungUp = () => {};
      const closed = new Promise<void>((resolve) => (hungUp = resolve));
      const url = await serve((_request, response) => {
        response.on('close', hungUp);
        const fill = () => {
          while (response.write(CONTENT));
        };
        response.on('drain', fill);
        fill();
      });
      await expect(local(url, { maxBytes: 1_000_000 })).rejects.toMatchObject({ code: 'too_large' });
      await closed;
    });

    it('takes exactly the limit', async () => {
      const url = await serve((_request, response) => response.end(CONTENT));
      await expect(local(url, { maxBytes: 200_000 })).resolves.toMatchObject({ bytes: 200_000 });
      await expect(local(url, { maxBytes: 199_999 })).rejects.toMatchObject({ code: 'too_large' });
    });
  });

  describe('cut', () => {
    const truncated = { code: 'truncated', retryable: true };

    it.each([
      ['with a content length', { 'content-length': CONTENT.length }],
      ['in chunks', {}],
    ])('sees a body %s that ends early', async (_name, headers) => {
      const url = await serve((_request, response) => {
        response.writeHead(200, headers);
        response.write(HALF, () => response.destroy());
      });
      await expect(local(url)).rejects.toMatchObject(truncated);
    });

    it('sees a length that promises more than a closed connection gave', async () => {
      const url = await listen(
        createTcpServer((socket) => {
          socket.on('error', () => socket.destroy());
          socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.'));
        }),
      );
      await expect(local(url)).rejects.toMatchObject({ ...truncated, message: expect.stringContaining('of 100') });
    });

    it('is a network error before the headers', async () => {
      const url = await serve((request) => request.socket.destroy());
      await expect(local(url)).rejects.toMatchObject({ code: 'network', retryable: true });
    });

    it('is a network error when nothing listens', async () => {
      const url = await serve((_request, response) => response.end());
      await new Promise((resolve) => servers.pop()!.close(resolve));
      await expect(local(url)).rejects.toMatchObject({
        code: 'network',
        message: expect.stringContaining('ECONNREFUSED'),
      });
    });

    it('is a network error when the answer is not HTTP', async () => {
      const url = await listen(createTcpServer((socket) => socket.resume().end('220 mail ready\r\n')));
      await expect(local(url)).rejects.toMatchObject({ code: 'network' });
    });
  });

  describe('time', () => {
    const timeout = { code: 'timeout', retryable: true };

    it('gives up on a server that does not answer', async () => {
      const url = await serve((request) => request.resume());
      await expect(local(url, { idleTimeoutMs: 100 })).rejects.toMatchObject(timeout);
    });

    it('gives up on a body that stands still', async () => {
      const url = await serve((_request, response) => {
        response.writeHead(200, { 'content-length': CONTENT.length });
        response.write(HALF);
      });
      await expect(local(url, { idleTimeoutMs: 100 })).rejects.toMatchObject(timeout);
    });

    it('gives up on a body that never stands still and never ends', async () => {
      const url = await serve((_request, response) => {
        const drip = setInterval(() => response.write('.'), 10);
        response.on('close', () => clearInterval(drip));
      });
      const slow = local(url, { idleTimeoutMs: 5_000, totalTimeoutMs: 300 });
      await expect(slow).rejects.toMatchObject({ ...timeout, message: 'Not done within 300 ms' });
    });

    it("rejects with the caller's reason when the caller gives up, and hangs up", async () => {
      let hungUp = () => {};
      const closed = new Promise<void>((resolve) => (hungUp = resolve));
      const stop = new AbortController();
      const reason = new Error('the worker stops');
      const url = await serve((_request, response) => {
        response.on('close', hungUp);
        response.write(HALF, () => stop.abort(reason));
      });
      await expect(local(url, { signal: stop.signal })).rejects.toBe(reason);
      await closed;
      await expect(local(url, { signal: stop.signal })).rejects.toBe(reason);
    });
  });

  describe('redirects', () => {
    it.each([301, 302, 303, 307, 308])('follows %d, also to a relative place', async (status) => {
      const url = await serve((request, response) => {
        if (request.url === '/0.png') redirect(response, '/moved.png', status);
        else response.end(CONTENT);
      });
      await expect(local(url)).resolves.toMatchObject({ bytes: 200_000 });
    });

    it('leaves a loop', async () => {
      let requests = 0;
      const url = await serve((request, response) => {
        requests++;
        redirect(response, request.url!);
      });
      const refused = { code: 'http_error', retryable: false, message: 'More than 5 redirects' };
      await expect(local(url)).rejects.toMatchObject(refused);
      expect(requests).toBe(6);
    });

    it.each(['file:///etc/passwd', 'ftp://example.org/a.png', 'http://user:pass@example.org/'])(
      'does not follow %s',
      async (location) => {
        const url = await serve((_request, response) => redirect(response, location));
        await expect(local(url)).rejects.toMatchObject({ code: 'invalid_url', retryable: false });
      },
    );

    it('takes a redirect to nowhere as an error', async () => {
      const url = await serve((_request, response) => response.writeHead(302).end());
      await expect(local(url)).rejects.toMatchObject({ code: 'http_error', status: 302, retryable: false });
    });

    it('gives the Authorization header only to the hops that may have it', async () => {
      const seen: Record<string, string | undefined> = {};
      const other = await serve((request, response) => {
        seen.other = request.headers.authorization;
        response.end(CONTENT);
      });
      const own = await serve((request, response) => {
        seen.own = request.headers.authorization;
        redirect(response, other);
      });
      const ownHost = new URL(own).host;
      await local(own, { authorizationFor: ({ host }) => (host === ownHost ? 'Bearer secret' : undefined) });
      expect(seen).toEqual({ own: 'Bearer secret', other: undefined });
    });
  });

  describe('private addresses', () => {
    const refused = { code: 'private_address', retryable: false };

    it.each(['127.0.0.1', 'localhost'])('does not connect to %s', async (host) => {
      let requests = 0;
      const url = await serve((_request, response) => {
        requests++;
        response.end();
      });
      await expect(fetchImage(url.replace('127.0.0.1', host))).rejects.toMatchObject(refused);
      expect(requests).toBe(0);
    });

    it.each(['127.0.0.1', 'localhost'])('does not follow a redirect to %s', async (host) => {
      let requests = 0;
      const target = await serve((_request, response) => {
        requests++;
        response.end();
      });
      const url = await serve((_request, response) => redirect(response, target.replace('127.0.0.1', host)));
      const { host: allowed } = new URL(url);
      await expect(local(url, { allowPrivate: (hop) => hop.host === allowed })).rejects.toMatchObject(refused);
      expect(requests).toBe(0);
    });

    it.each(['http://169.254.169.254/latest/meta-data', 'http://[::1]:8222/', 'http://[::ffff:7f00:1]/'])(
      'does not connect to %s',
      async (url) => {
        await expect(fetchImage(url)).rejects.toMatchObject(refused);
      },
    );
  });

  it.each(['', 'not a url', 'data:image/png;base64,AA==', 'file:///etc/passwd'])('refuses the URL %j', async (url) => {
    await expect(fetchImage(url)).rejects.toMatchObject({ code: 'invalid_url', retryable: false });
  });

  it('does not believe the content type: what an HTML page is, its header tells', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png' }).end('<html><body>Sorry</body></html>');
    });
    const { content } = await local(url);
    await expect(readHeader(content)).rejects.toMatchObject({ code: 'not_an_image' });
  });
});
