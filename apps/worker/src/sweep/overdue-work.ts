import { Logger } from '@nestjs/common';
import { sendOverdue, type Broker } from '@darkroom/events';
import type { Net } from './net.js';

/** Work whose time has come and that the broker has kept, because its disk was full just then. */
export class OverdueWork implements Net {
  readonly name = 'schedules';
  readonly #logger = new Logger('Sweep');

  constructor(
    private readonly broker: Broker,
    private readonly idleMs: number,
  ) {}

  async sweep(): Promise<void> {
    const sent = await sendOverdue(this.broker, new Date(Date.now() - this.idleMs));
    for (const subject of sent) this.#logger.warn(`The broker kept ${subject} past its time: sent on`);
  }
}
