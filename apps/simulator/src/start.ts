import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SimulatorControl } from './control/simulator-control.js';
import { Journal } from './journal/journal.js';
import { Restart } from './journal/restart.js';
import { Lifetime } from './lifetime.js';
import { type SimulatorOptions, SimulatorSettings } from './settings.js';
import { SimulatorModule } from './simulator.module.js';

export type { SimulatorControl } from './control/simulator-control.js';
export type { FaultInput } from './control/fault.schema.js';
export type { SimulatorOptions } from './settings.js';

export interface RunningSimulator {
  /** Without a path; the API's base URL is this and `/v1`. */
  readonly url: string;
  readonly webhookSecret: string;
  /** Faults, counters and settings. */
  readonly control: SimulatorControl;
  /** Ends open connections, running predictions and waiting webhooks. */
  close(): Promise<void>;
}

/** Inputs may carry files as data URIs. */
const BODY_LIMIT = 10 * 1_024 * 1_024;

/**
 * Starts a stand-in for Replicate's HTTP API, for development and tests. It runs no model: it draws simple pictures of the
 * size and format that were asked for, and looks at no more of a source image than its size. Its state is in memory, and ends
 * with it unless `dataDir` is given.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<RunningSimulator> {
  const settings = new SimulatorSettings(options);
  const adapter = new FastifyAdapter({ bodyLimit: BODY_LIMIT, forceCloseConnections: true });
  const fastify = adapter.getInstance();
  fastify.addHook('onRequest', (_request, reply, done) => {
    // On the raw answer, so that no fault can lose it.
    reply.raw.setHeader('x-darkroom-simulator', 'true');
    done();
  });
  // Replicate's own clients send a cancel as JSON with an empty body, which Fastify would refuse.
  const parseJson = fastify.getDefaultJsonParser('error', 'ignore');
  fastify.removeContentTypeParser('application/json');
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parseJson(request, body.toString(), done);
  });
  const app = await NestFactory.create<NestFastifyApplication>(SimulatorModule.register(settings), adapter, {
    logger: ['error', 'warn'],
    bodyParser: false,
  });
  const [journal, restart] = [app.get(Journal), app.get(Restart)];
  if (settings.dataDir) await journal.open(settings.dataDir, (entry) => restart.recall(entry));
  await app.listen(settings.port, settings.host);
  const url = (await app.getUrl()).replace('0.0.0.0', '127.0.0.1').replace('[::]', '127.0.0.1');
  if (settings.publicUrl === '') settings.publicUrl = url;
  restart.carryOn();
  return {
    url,
    webhookSecret: settings.webhookSecret,
    control: app.get(SimulatorControl),
    close: async () => {
      await app.get(Lifetime).close();
      await app.close();
      journal.close();
    },
  };
}
