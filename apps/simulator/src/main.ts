import 'reflect-metadata';
import { readConfig } from './config.js';
import { startSimulator } from './start.js';

const simulator = await startSimulator(readConfig());
console.log(
  `Darkroom simulator, a stand-in for Replicate's API that runs no model: ${simulator.url}/v1 ` +
    '(any token; faults at /control; everything is in memory and ends with this process)',
);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void simulator.close();
  });
}
