import type { Model } from '@darkroom/domain';
import { Body, Controller, Headers, Param, Post, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Counters } from '../control/counters.js';
import type { CreateFault } from '../control/fault.schema.js';
import { FaultScript } from '../control/fault-script.js';
import { sourceSizeOf } from '../files/source-image.js';
import { Journal } from '../journal/journal.js';
import { Lifetime } from '../lifetime.js';
import { findModelByVersion, findOfficialModel } from '../models/catalogue.js';
import { checkInput, detailOf, type InvalidField } from '../models/input-check.js';
import { parseCancelAfter } from '../predictions/cancel-after.js';
import { type PredictionRecord, promptOf, viewOf } from '../predictions/prediction.js';
import { PredictionRuns } from '../predictions/prediction-runs.js';
import { SimulatorSettings } from '../settings.js';
import { WEBHOOK_EVENTS } from '../webhooks/webhook-events.js';
import { BearerGuard } from './bearer.guard.js';
import { resetConnection, sendHalf } from './connection.js';
import { notFound, ProblemException } from './problem.js';
import { RateLimit, throttled } from './rate-limit.js';

const modelRequest = z.strictObject({
  input: z.record(z.string(), z.unknown()),
  webhook: z.url().optional(),
  webhook_events_filter: z.array(z.enum(WEBHOOK_EVENTS)).optional(),
  stream: z.boolean().optional(),
});
const versionRequest = modelRequest.extend({ version: z.string() });

interface CreateCall {
  readonly model: Model;
  readonly body: z.output<typeof modelRequest>;
  readonly cancelAfter: string | undefined;
}

/** `POST` of predictions: by model for official ones, by version for all. */
@Controller('v1')
@UseGuards(BearerGuard)
export class CreateController {
  constructor(
    private readonly settings: SimulatorSettings,
    private readonly runs: PredictionRuns,
    private readonly faults: FaultScript,
    private readonly counters: Counters,
    private readonly rateLimit: RateLimit,
    private readonly lifetime: Lifetime,
    private readonly journal: Journal,
  ) {}

  @Post('models/:owner/:name/predictions')
  async createByModel(
    @Param('owner') owner: string,
    @Param('name') name: string,
    @Body() body: unknown,
    @Headers('cancel-after') cancelAfter: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#receive(reply, () => {
      const model = findOfficialModel(`${owner}/${name}`);
      if (!model) throw notFound();
      return { model, body: parse(modelRequest, body), cancelAfter };
    });
  }

  @Post('predictions')
  async createByVersion(
    @Body() body: unknown,
    @Headers('cancel-after') cancelAfter: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#receive(reply, () => {
      const { version, ...request } = parse(versionRequest, body);
      const model = findModelByVersion(version);
      if (model) return { model, body: request, cancelAfter };
      throw new ProblemException(422, {
        title: 'Invalid version or not permitted',
        detail:
          "The specified version does not exist (or perhaps you don't have permission to use it?)\n" +
          'The simulator knows the models of the catalogue.',
      });
    });
  }

  async #receive(reply: FastifyReply, read: () => CreateCall): Promise<void> {
    this.counters.count('creates_received');
    let record: PredictionRecord | undefined;
    let fault: CreateFault | undefined;
    try {
      this.rateLimit.pass();
      const call = read();
      fault = this.faults.take('create', { model: call.model.id, prompt: promptOf(call.body.input) });
      if (fault?.kind !== 'reset_before_create') record = await this.#create(call, fault);
    } finally {
      if (!record) this.journal.append({ type: 'refused' });
    }
    if (record) await this.#answer(record, fault, reply);
    else resetConnection(reply);
  }

  async #create({ model, body, cancelAfter }: CreateCall, fault: CreateFault | undefined): Promise<PredictionRecord> {
    refuse(fault);
    const invalid = checkInput(model, body.input);
    if (invalid.length > 0) throw invalidInput(invalid);
    const record = this.runs.start({
      model,
      input: body.input,
      sourceSize: (await sourceSizeOf(model, body.input)) ?? undefined,
      cancelAfterMs: cancelAfter === undefined ? undefined : deadlineOf(cancelAfter),
      webhook: body.webhook,
      webhookEvents: body.webhook_events_filter ?? ['output', 'completed'],
    });
    this.counters.countPrediction(model.id, body.input);
    return record;
  }

  async #answer(record: PredictionRecord, fault: CreateFault | undefined, reply: FastifyReply): Promise<void> {
    if (fault?.kind === 'reset_after_create') return resetConnection(reply);
    if (fault?.kind === 'error_after_create') throw serverError(fault.status);
    if (fault?.kind === 'slow_answer') await this.lifetime.wait(fault.ms);
    const { publicUrl, fileTtlMs } = this.settings;
    const view = viewOf(record, { publicUrl, fileTtlMs, now: new Date() });
    if (fault?.kind === 'malformed_body') return sendHalf(reply, 201, view);
    void reply.status(201).send(view);
  }
}

/** Faults by which no prediction comes into being. */
function refuse(fault: CreateFault | undefined): void {
  if (fault?.kind === 'throttled') throw throttled(fault.retry_after, fault.told_by);
  if (fault?.kind === 'error_before_create') throw serverError(fault.status);
  if (fault?.kind === 'out_of_credit') {
    throw new ProblemException(402, {
      title: 'Insufficient credit',
      detail: 'You have insufficient credit to run this model.',
    });
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw invalidInput(
    result.error.issues.map((issue) => ({
      type: issue.code,
      field: issue.path.join('.') || '(root)',
      description: issue.message,
    })),
  );
}

function deadlineOf(header: string): number {
  const ms = parseCancelAfter(header);
  if (ms !== undefined) return ms;
  throw new ProblemException(422, {
    title: 'Invalid Cancel-After',
    detail: 'Must be a duration of at least 5 seconds',
  });
}

function invalidInput(fields: readonly InvalidField[]): ProblemException {
  return new ProblemException(422, {
    title: 'Input validation failed',
    detail: detailOf(fields),
    invalid_fields: fields,
  });
}

const serverError = (status: number) => new ProblemException(status, { detail: 'Scripted by the simulator' });
