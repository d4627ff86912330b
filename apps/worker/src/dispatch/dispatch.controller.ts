import { Controller, Inject, Logger } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { fold, isTerminal, type Generation } from '@darkroom/domain';
import {
  asksForWork,
  CommandRunner,
  decode,
  endsGeneration,
  Handles,
  isGone,
  Unprocessable,
  WorkQueue,
  WORK_STREAM,
  workFor,
  type Broker,
  type EventStore,
  type ExhaustedAdvisory,
  type GenerationNotes,
  type RecordedEvent,
  type Work,
} from '@darkroom/events';
import { BROKER, CANCELLING, EVENT_STORE } from '../connections.js';
import { Admission } from './admission.js';

/**
 * Turns facts into work. A crash between the two repeats the fact, and the broker, or at last the handler of the work,
 * drops the repetition.
 */
@Controller()
export class DispatchController {
  readonly #logger = new Logger('Dispatch');

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly runner: CommandRunner,
    private readonly queue: WorkQueue,
    private readonly admission: Admission,
    @Inject(CANCELLING) private readonly cancelling: GenerationNotes,
  ) {}

  @Handles('facts')
  async dispatch(@Payload() event: RecordedEvent): Promise<void> {
    if (asksForWork(event)) {
      const generation = await this.#generationOf(event);
      const work = workFor(event, generation);
      // The queue may forget it (docs/adr/0024), and unlike other work nothing would be missing then.
      if (work?.stage === 'cancel') await this.cancelling.write(event.generationId, event.time);
      if (work) await (work.at === null ? this.#begin(event, generation, work) : this.#put(event, work));
      if (event.type === 'Cancelled') {
        await this.queue.withdraw(event.generationId, event.userId, generation.request.lane);
      }
    }
    if (endsGeneration(event)) await this.admission.leave(event);
  }

  /** The time of a generation has come that was asked for, or asked for again, for later. */
  @Handles('work.admit')
  async admit(@Payload() event: RecordedEvent): Promise<void> {
    const generation = await this.#generationOf(event);
    if (isTerminal(generation.status)) return;
    const stage = event.type === 'RetryRequested' ? event.data.stage : 'generate';
    await this.#begin(event, generation, { stage, lane: generation.request.lane, at: null });
  }

  /** Generations without a limit cost one publish. Those with one take a slot when they begin, and keep it to their end. */
  async #begin(event: RecordedEvent, { request }: Generation, work: Work): Promise<void> {
    const { concurrency_limit: limit, lane } = request;
    const begins = event.type === 'GenerationRequested' || event.type === 'RetryRequested';
    await (begins && limit !== null ? this.admission.enter({ event, lane, limit }) : this.#put(event, work));
  }

  #put(event: RecordedEvent, { stage, lane, at }: Work): Promise<void> {
    return this.queue.put(event, stage, lane, at);
  }

  /** The first event is the whole generation: the way of every new request needs no read. */
  async #generationOf(event: RecordedEvent): Promise<Generation> {
    const events = event.type === 'GenerationRequested' ? [event] : (await this.store.load(event.generationId)).events;
    const generation = fold(events);
    if (!generation) throw new Unprocessable(`Generation ${event.generationId} is not in the log`);
    return generation;
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
    // What is younger than the advisory has taken the place of what it was about: the queue had fallen back (docs/adr/0024).
    if (!message || message.time > new Date(advisory.timestamp)) return;
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
  if (isGone(error)) return null;
  throw error;
}
