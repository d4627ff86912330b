import { Logger } from '@nestjs/common';
import { sendStranded, type Broker } from '@darkroom/events';
import type { Net } from './net.js';

/** Work that the broker keeps and delivers to nobody any more. */
export class StrandedWork implements Net {
  readonly name = 'deliveries';
  readonly #logger = new Logger('Sweep');

  constructor(private readonly broker: Broker) {}

  async sweep(): Promise<void> {
    for (const subject of await sendStranded(this.broker)) {
      this.#logger.warn(`The broker kept ${subject} and delivered it to nobody: sent on`);
    }
  }
}
