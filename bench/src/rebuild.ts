import { EVENTS_STREAM, type Broker } from '@darkroom/events';
import { fillLog } from './fill-log.js';
import type { BenchOptions } from './options.js';
import type { Row } from './row.js';
import { freshBroker } from './servers.js';
import { median } from './statistics.js';
import { EVENTS_OF_A_GENERATION } from './story.js';

/** Reading the whole log. */
export async function rebuild({ natsUrl, size }: BenchOptions): Promise<Row[]> {
  const broker = await freshBroker(natsUrl);
  try {
    await fillLog(broker, size.rebuilt);
    const count = size.rebuilt * EVENTS_OF_A_GENERATION;
    const raw: number[] = [];
    for (let round = 0; round < size.rounds; round++) raw.push(await readRaw(broker, count));
    return [
      {
        what: 'Events read from the log and parsed',
        unit: '/s',
        value: median(raw),
        limit: null,
        ratio: null,
        target: null,
      },
    ];
  } finally {
    await broker.close();
  }
}

/** Events per second of an ordered consumer that parses every body and keeps nothing. */
async function readRaw(broker: Broker, count: number): Promise<number> {
  const began = performance.now();
  const consumer = await broker.jetstream.consumers.get(EVENTS_STREAM);
  const messages = await consumer.consume({ max_messages: 5_000 });
  let read = 0;
  for await (const message of messages) {
    message.json();
    if (++read === count) break;
  }
  return read / ((performance.now() - began) / 1_000);
}
