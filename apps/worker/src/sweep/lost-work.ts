import { Logger } from '@nestjs/common';
import { isTerminal } from '@darkroom/domain';
import {
  JetStreamLogReader,
  Mender,
  SweepRecords,
  type Broker,
  type Examined,
  type EventStore,
} from '@darkroom/events';
import type { Metrics } from '@darkroom/observability';
import { findLost, type ReadModels } from '@darkroom/read-models';
import type { Net } from './net.js';

/** Generations that wait for work which is not there: whatever lost it, it is put again. */
export class LostWork implements Net {
  readonly name = 'work';
  readonly #logger = new Logger('Sweep');
  readonly #log: JetStreamLogReader;
  /** What was told of a generation that cannot be mended is told once. */
  #reported = new Set<string>();

  constructor(
    private readonly broker: Broker,
    private readonly store: EventStore,
    private readonly readModels: Pick<ReadModels, 'idle'>,
    private readonly metrics: Metrics,
    private readonly idleMs: number,
  ) {
    this.#log = new JetStreamLogReader(broker);
  }

  async sweep(signal: AbortSignal): Promise<void> {
    const records = await SweepRecords.open(this.broker);
    const mender = new Mender(this.broker, this.store, records);
    const { idle } = this.readModels;
    const now = new Date();
    const waiting = new Set<string>();
    for await (const found of findLost({ idle, mender, log: this.#log, now, idleMs: this.idleMs, signal })) {
      waiting.add(found.id);
      if (found.standing === 'lost') await this.#sendOn(mender, found, now.toISOString());
      else this.#report(found);
    }
    for (const id of await records.all()) {
      if (!waiting.has(id)) await this.#forgetIfMoved(id, mender, records, now.toISOString());
    }
    this.#reported = new Set([...this.#reported].filter((id) => waiting.has(id)));
  }

  async #sendOn(mender: Mender, found: Examined, now: string): Promise<void> {
    const sent = await mender.sendOn(found, now);
    if (!sent) return;
    this.metrics.swept.inc({ stage: sent.stage });
    this.#logger.warn(`Generation ${found.id} waited for ${sent.stage} without work since ${found.since}: sent on`);
  }

  /** Who waits in a queue since it was sent on has not moved yet. */
  async #forgetIfMoved(id: string, mender: Mender, records: SweepRecords, now: string): Promise<void> {
    const { generation } = await mender.examine(id, now);
    if (generation && !isTerminal(generation.status) && (await records.of(id, generation.version))) return;
    await records.forget(id);
  }

  #report({ id, standing, since }: Examined): void {
    if (this.#reported.has(id)) return;
    this.#reported.add(id);
    const why = {
      given_up: `has not moved since ${since}, however often it was sent on`,
      unreadable: 'has events that this release cannot read',
      unknown: 'is in the read models and not in the log',
    };
    if (standing in why)
      this.#logger.error(`Generation ${id} ${why[standing as keyof typeof why]}: see darkroom stuck`);
  }
}
