import { Controller, Get, HttpCode, Param, Post, Query, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Counters } from '../control/counters.js';
import { FaultScript } from '../control/fault-script.js';
import { type PredictionRecord, promptOf, viewOf } from '../predictions/prediction.js';
import { PredictionRuns } from '../predictions/prediction-runs.js';
import { PredictionStore } from '../predictions/prediction-store.js';
import { SimulatorSettings } from '../settings.js';
import { BearerGuard } from './bearer.guard.js';
import { resetConnection } from './connection.js';
import { notFound, ProblemException } from './problem.js';

const time = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .optional();
const listQuery = z.object({ created_after: time, created_before: time, cursor: z.string().optional() });
const cursorContent = z.object({ before: z.int(), created_after: time, created_before: time });

/** Reading and cancelling of predictions, and the secret of their webhooks. */
@Controller('v1')
@UseGuards(BearerGuard)
export class PredictionsController {
  constructor(
    private readonly settings: SimulatorSettings,
    private readonly store: PredictionStore,
    private readonly runs: PredictionRuns,
    private readonly faults: FaultScript,
    private readonly counters: Counters,
  ) {}

  @Get('predictions')
  list(@Query() query: unknown, @Res() reply: FastifyReply): void {
    this.counters.count('lists');
    if (this.#strike(reply)) return;
    const { cursor, ...asked } = parseQuery(listQuery, query);
    const { before, ...filter } = cursor === undefined ? { before: undefined, ...asked } : decodeCursor(cursor);
    const { created_after: createdAfter, created_before: createdBefore } = filter;
    const page = this.store.page({ createdAfter, createdBefore }, new Date(), before);
    const next = page.next === undefined ? undefined : encodeCursor({ before: page.next, ...filter });
    void reply.send({
      next: next === undefined ? null : `${this.settings.publicUrl}/v1/predictions?cursor=${next}`,
      previous: null,
      results: page.records.map((record) => this.#view(record)),
    });
  }

  @Get('predictions/:id')
  get(@Param('id') id: string, @Res() reply: FastifyReply): void {
    this.counters.count('gets');
    const record = this.#find(id);
    if (!this.#strike(reply, record)) void reply.send(this.#view(record));
  }

  @Post('predictions/:id/cancel')
  @HttpCode(200)
  cancel(@Param('id') id: string, @Res() reply: FastifyReply): void {
    this.counters.count('cancels');
    const record = this.#find(id);
    if (this.#strike(reply, record)) return;
    this.runs.cancel(record);
    void reply.status(200).send(this.#view(record));
  }

  @Get('webhooks/default/secret')
  webhookSecret(): { key: string } {
    return { key: this.settings.webhookSecret };
  }

  #find(id: string): PredictionRecord {
    const record = this.store.find(id);
    if (!record) throw notFound();
    return record;
  }

  /** Lets a scripted fault strike instead of the answer. */
  #strike(reply: FastifyReply, record?: PredictionRecord): boolean {
    const subject = record && { model: record.model.id, prompt: promptOf(record.input) };
    const fault = this.faults.take('read', subject);
    if (fault?.kind === 'read_error') {
      throw new ProblemException(fault.status, { detail: 'Scripted by the simulator' });
    }
    if (fault?.kind === 'read_reset') resetConnection(reply);
    return fault !== undefined;
  }

  #view(record: PredictionRecord): Record<string, unknown> {
    const { publicUrl, fileTtlMs } = this.settings;
    return viewOf(record, { publicUrl, fileTtlMs, now: new Date() });
  }
}

function encodeCursor(content: z.output<typeof cursorContent>): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}

function decodeCursor(cursor: string): z.output<typeof cursorContent> {
  try {
    return cursorContent.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch {
    throw new ProblemException(400, { detail: 'Invalid cursor' });
  }
}

function parseQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  const result = schema.safeParse(query);
  if (!result.success) throw new ProblemException(400, { detail: z.prettifyError(result.error) });
  return result.data;
}
