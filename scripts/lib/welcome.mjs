import { urlOf } from './services.mjs';

/**
 * What `npm start` says when everything is ready: the addresses, the development key and a command that makes an image.
 *
 * @param {import('./settings.mjs').Settings} settings
 * @param {string} adminKey
 * @returns {string}
 */
export function welcome({ host, port, workerPort, simulatorPort, replicateToken, dataDir }, adminKey) {
  const gateway = urlOf(host, port);
  const provider = replicateToken
    ? 'Replicate (REPLICATE_API_TOKEN is set: images cost money)'
    : `${urlOf(host, simulatorPort)}, the simulator (REPLICATE_API_TOKEN is unset: pictures are drawn, not generated)`;
  // Node reads the answer, because it is the one tool that is here for certain.
  return `
Darkroom is ready.

  gateway    ${gateway}
  API docs   ${gateway}/docs
  GraphQL    ${gateway}/graphql
  metrics    ${gateway}/metrics and ${urlOf(host, workerPort)}/metrics (worker)
  provider   ${provider}
  data       ${dataDir}
  key        ${adminKey}   (an operator's, for development)

Make an image (paste this into another terminal):

  KEY=${adminKey}
  IMAGE=$(curl -sS ${gateway}/v1/generations -H "Authorization: Bearer $KEY" \\
    -H 'Content-Type: application/json' -H 'Prefer: wait=30' \\
    -d '{"prompt": "a lighthouse at dusk", "output_format": "png"}' \\
    | node -p 'JSON.parse(require("fs").readFileSync(0)).images[0].id')
  curl -sSL "${gateway}/v1/images/$IMAGE/content" -H "Authorization: Bearer $KEY" -o image.png && ls -l image.png

Ctrl-C ends all of it; the next \`npm start\` finds the data again.
`;
}
