import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const FIRST_PORT = 20_000;
const PORTS_END = 32_768;

/**
 * True when nothing listens on this port.
 *
 * @param {number} port
 * @param {string} [host]
 * @returns {Promise<boolean>}
 */
export function isPortFree(port, host = '127.0.0.1') {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

/**
 * A port that is free now, and stays so while its server is down: systems take none of these for connections of their own
 * (Linux from 32768 on, others from 49152 on). `preferred` is taken when it is free.
 *
 * @param {number} [preferred]
 * @returns {Promise<number>}
 */
export async function freePort(preferred) {
  let port = preferred ?? randomInt(FIRST_PORT, PORTS_END);
  while (!(await isPortFree(port))) port = randomInt(FIRST_PORT, PORTS_END);
  return port;
}
