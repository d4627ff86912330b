import { createConnection } from 'node:net';

/**
 * Says whether a server that the user named takes connections.
 *
 * @param {string} url postgres://… or nats://…, several NATS servers with commas between them
 * @param {number} defaultPort
 * @returns {Promise<string>} a line without the credentials
 */
export async function describeServer(url, defaultPort) {
  const lines = url.split(',').map(async (address) => {
    const { hostname, port } = new URL(address.trim());
    const reachable = await takesConnections(hostname.replace(/^\[|\]$/g, ''), Number(port) || defaultPort);
    return `${hostname}:${port || defaultPort} (${reachable ? 'reachable' : 'NOT reachable'})`;
  });
  return (await Promise.all(lines)).join(', ');
}

/**
 * @param {string} host
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function takesConnections(host, port) {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: 3_000 });
    const finish = (/** @type {boolean} */ answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
    socket.once('timeout', () => finish(false));
  });
}
