import { Controller, Inject, Logger } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { fold } from '@darkroom/domain';
import {
  asksForWork,
  CommandRunner,
  decode,
  Handles,
  Unprocessable,
  WorkQueue,
  WORK_STREAM,
  workFor,
  type Broker,
  type EventStore,
  type ExhaustedAdvisory,
  type RecordedEvent,
} from '@darkroom/events';
import { JetStreamApiError } from '@nats-io/jetstream';
import { BROKER, EVENT_STORE } from '../connections.js';

/** nats-server: no message found. */
const NO_MESSAGE = 10037;

/**
 * Turns facts into work. A crash between the two repeats the fact, and the broker, or at last the handler of the work,
 * drops the repetition.
 */
@Controller()
export class DispatchController {
  readonly #logger = new Logger('Dispatch');
  readonly #queue: WorkQueue;

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly runner: CommandRunner,
  ) {
    this.#queue = new WorkQueue(broker);
  }

  @Handles('facts')
  async dispatch(@Payload() event: RecordedEvent): Promise<void> {
    if (!asksForWork(event)) return;
    // The first event is the whole generation: the way of every new request needs no read.
    const events = event.type === 'GenerationRequested' ? [event] : (await this.store.load(event.generationId)).events;
    const generation = fold(events);
    if (!generation) throw new Unprocessable(`Generation ${event.generationId} is not in the log`);
    const work = workFor(event, generation);
    if (work) await this.#queue.put(event, work.stage, work.lane, work.at);
  }

  /**
   * A piece of work that was delivered as often as it may be kills its workers, or never ends. Its generation fails, so
   * that somebody hears of it, and only then the work is removed.
   */
  @Handles('exhausted')
  async exhausted(@Payload() advisory: ExhaustedAdvisory): Promise<void> {
    const message = await this.broker.manager.streams
      .getMessage(WORK_STREAM, { seq: advisory.stream_seq })
      .catch(absent);
    if (!message) return;
    const event = decode(message.header, message.data);
    this.#logger.error(`Work on generation ${event.generationId} was given up after ${advisory.deliveries} deliveries`);
    await this.runner.execute(event.generationId, {
      type: 'Fail',
      commandId: `exhausted-${event.id}`,
      at: new Date().toISOString(),
      error: {
        code: 'delivery_exhausted',
        message: `The work was delivered ${advisory.deliveries} times and never finished`,
        retryable: false,
      },
    });
    await this.broker.manager.streams.deleteMessage(WORK_STREAM, advisory.stream_seq).catch(absent);
  }
}

/** Whoever handled the same advisory before has removed the message. */
function absent(error: unknown): null {
  if (error instanceof JetStreamApiError && error.code === NO_MESSAGE) return null;
  throw error;
}
