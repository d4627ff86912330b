import 'reflect-metadata';
import { readConfig } from './config.js';
import { startSimulator } from './start.js';

const config = readConfig();
const simulator = await startSimulator(config);
console.log(
  `Darkroom simulator, a stand-in for Replicate's API that runs no model: ${simulator.url}/v1 ` +
    `(any token; faults at /control; ${config.dataDir ? `predictions are kept in ${config.dataDir}` : 'everything is in memory and ends with this process'})`,
);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void simulator.close();
  });
}
