/**
 * The limit of accepting: the least that can be between a request and its event. Fastify without a framework around it,
 * no check, no log line, no metric: one handler that publishes an event of the same size and headers, and answers JSON
 * of the same size. A process of its own: `node bare-gateway.js` with PORT, NATS_URL, and the two samples.
 */
import { jetstream } from '@nats-io/jetstream';
import { headers } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import Fastify from 'fastify';
import { randomUUID } from 'node:crypto';
import { RAW_STREAM, rawSubject } from '../raw-names.js';
import { parseSample } from './sample.js';

const { PORT, NATS_URL, SAMPLE } = process.env;
const sample = parseSample(SAMPLE);
const connection = await connect({ servers: NATS_URL });
const log = jetstream(connection);
const app = Fastify();

app.get('/ready', () => ({}));
app.post('/v1/generations', async (request, reply) => {
  const id = randomUUID();
  const { prompt } = request.body as { prompt: string };
  const h = headers();
  for (const [name, value] of sample.headers) h.set(name, value);
  const event = JSON.stringify({ ...sample.event, prompt });
  const expect = { streamName: RAW_STREAM, lastSubjectSequence: 0 };
  const { seq } = await log.publish(rawSubject(id), event, { headers: h, msgID: id, expect });
  return reply.status(202).send({ ...sample.answer, id, prompt, position: seq });
});

await app.listen({ port: Number(PORT), host: '127.0.0.1' });
process.once('SIGTERM', () => process.exit(0));
