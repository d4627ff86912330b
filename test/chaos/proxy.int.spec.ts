import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { eventually } from '../support/eventually.js';
import { Proxy } from './proxy.js';

describe('Proxy', () => {
  let server: Server;
  let proxy: Proxy;
  let arrived: number;
  let answer: () => void;

  beforeEach(async () => {
    arrived = 0;
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    answer = release;
    server = createServer((request, response) => {
      arrived += 1;
      request.resume();
      void (request.url === '/held' ? held : Promise.resolve()).then(() => response.end('x'.repeat(1_000_000)));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    proxy = await Proxy.to((server.address() as AddressInfo).port);
  });
  afterEach(async () => {
    await proxy.close();
    server.closeAllConnections();
    server.close();
  });

  const ask = async (path = '/'): Promise<number> => {
    const response = await fetch(proxy.through('http://127.0.0.1:1') + path);
    return (await response.text()).length;
  };

  it('passes on what is asked and answered', async () => {
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1_000_000, 1_000_000, 1_000_000]);
  });

  it('cuts what is under way, after it arrived, and takes the next', async () => {
    const cut = ask('/held');
    await eventually(() => arrived === 1);
    expect(proxy.cut()).toBe(1);
    await expect(cut).rejects.toThrow();
    answer();
    expect(await ask()).toBe(1_000_000);
  });

  it('refuses until it is opened', async () => {
    proxy.refuse();
    await expect(ask()).rejects.toThrow();
    expect(arrived).toBe(0);
    proxy.open();
    expect(await ask()).toBe(1_000_000);
  });

  it('holds what is sent until it is opened, on old connections and new ones', async () => {
    const old = ask('/held');
    await eventually(() => arrived === 1);
    proxy.hang();
    answer();
    const fresh = ask();
    const first = await Promise.race([
      old,
      fresh,
      new Promise((resolve) => setTimeout(() => resolve('nothing came'), 200)),
    ]);
    expect([first, arrived]).toEqual(['nothing came', 1]);
    proxy.open();
    expect(await Promise.all([old, fresh])).toEqual([1_000_000, 1_000_000]);
  });

  it('tells a client by a reset that nobody is there', async () => {
    server.close();
    await once(server, 'close');
    await expect(ask()).rejects.toThrow();
  });
});
