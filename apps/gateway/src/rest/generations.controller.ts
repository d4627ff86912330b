import type { GenerationView } from '@darkroom/domain';
import { isTerminal } from '@darkroom/domain';
import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiParam, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { generationRequest, type GenerationRequest } from '../application/generation-request.js';
import { GenerationsService } from '../application/generations.service.js';
import type { Principal } from '../application/principal.js';
import { quoteViewOf, type QuoteView } from '../application/quote-view.js';
import { rateLimitHeaders } from '../limits/rate-limit-headers.js';
import { CurrentPrincipal } from '../auth/principal.decorator.js';
import { generation, history, quote } from './answers.schema.js';
import { ApiErrors } from './api-errors.js';
import { idempotencyKeyOf } from './idempotency-key.js';
import { LONGEST_WAIT_SECONDS, preferredWait } from './prefer.js';

const RATE_LIMIT_HEADERS = {
  'RateLimit-Policy': {
    description: 'The limits that apply to you, with their windows in seconds.',
    schema: { type: 'string' as const, example: '"hourly";q=20;w=3600, "daily";q=100;w=86400' },
  },
  RateLimit: {
    description: 'What is left of each after this request, and for how many seconds. Not on repetitions.',
    schema: { type: 'string' as const, example: '"hourly";r=19;t=1234, "daily";r=99;t=30034' },
  },
};

const requestQuery = z.strictObject({ dry_run: z.enum(['true', 'false']).optional() });

/** One generation: asking for it, looking at it, stopping it. Everything here needs the event log alone. */
@ApiTags('Generations')
@ApiBearerAuth()
@ApiErrors('unauthenticated', 'unavailable')
@Controller('v1/generations')
export class GenerationsController {
  constructor(private readonly generations: GenerationsService) {}

  @Post()
  @ApiOperation({
    operationId: 'requestGeneration',
    summary: 'Ask for a generation',
    description: 'Answers as soon as the request is safe in the log. Images are made afterwards.',
  })
  @ApiQuery({
    name: 'dry_run',
    required: false,
    schema: { type: 'string', enum: ['true', 'false'] },
    description: '`true`: check everything and tell the price; store and spend nothing.',
  })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    schema: { type: 'string', minLength: 1, maxLength: 255 },
    description: 'Makes retries safe: the same key and body answer the same generation, for ever.',
  })
  @ApiHeader({
    name: 'Prefer',
    required: false,
    schema: { type: 'string', example: 'wait=30' },
    description: `\`wait=N\`: answer when the generation ends, after N (at most ${LONGEST_WAIT_SECONDS}) seconds at the latest.`,
  })
  @ApiResponse({
    status: 202,
    description: 'Accepted.',
    standardSchema: generation,
    headers: {
      Location: { description: 'Where the generation can be looked at.', schema: { type: 'string' } },
      ...RATE_LIMIT_HEADERS,
    },
  })
  @ApiResponse({
    status: 200,
    description: 'The generation, ended within the preferred wait or before; or the quote of a dry run.',
    standardSchema: z.union([generation, quote]),
  })
  @ApiErrors('malformed_json', 'idempotency_conflict', 'payload_too_large', 'unsupported_media_type')
  @ApiErrors('validation_failed', 'unknown_model', 'unsafe_url', 'rate_limited')
  async request(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: generationRequest }) body: GenerationRequest,
    @Query({ schema: requestQuery }) query: z.output<typeof requestQuery>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GenerationView | QuoteView> {
    const idempotencyKey = idempotencyKeyOf(request.headers['idempotency-key']);
    if (query.dry_run === 'true') {
      reply.status(200);
      return quoteViewOf(await this.generations.quote(principal, body));
    }
    const seconds = preferredWait(request.headers.prefer as string | undefined);
    const wait = seconds === null ? null : { seconds, signal: goneSignal(reply) };
    const options = { idempotencyKey, trace: request.trace, wait };
    const { generation: view, standings } = await this.generations.request(principal, body, options);
    if (standings) reply.headers(rateLimitHeaders(standings, Date.now()));
    if (seconds !== null) reply.header('preference-applied', `wait=${seconds}`);
    reply.header('location', `/v1/generations/${view.id}`);
    reply.status(seconds !== null && isTerminal(view.status) ? 200 : 202);
    return view;
  }

  @Get(':id')
  @ApiOperation({ operationId: 'getGeneration', summary: 'A generation as it is now' })
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiResponse({ status: 200, standardSchema: generation, description: 'Never older than the last answer.' })
  @ApiErrors('not_found')
  async get(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<GenerationView> {
    return this.generations.get(principal, id);
  }

  @Get(':id/history')
  @ApiOperation({ operationId: 'getHistory', summary: 'Everything that happened to a generation, oldest first' })
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiResponse({ status: 200, standardSchema: history, description: 'Its events.' })
  @ApiErrors('not_found')
  async history(@CurrentPrincipal() principal: Principal, @Param('id') generationId: string) {
    const events = await this.generations.history(principal, generationId);
    return {
      data: events.map(({ id, position, version, type, time, data }) => ({ id, position, version, type, time, data })),
    };
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @ApiOperation({ operationId: 'cancelGeneration', summary: 'Stop a generation that has not ended' })
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiResponse({ status: 200, standardSchema: generation, description: 'Cancelled, now or before.' })
  @ApiErrors('not_found', 'invalid_state')
  async cancel(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<GenerationView> {
    return this.generations.cancel(principal, id, request.trace);
  }

  @Post(':id/retry')
  @HttpCode(200)
  @ApiOperation({ operationId: 'retryGeneration', summary: 'Begin a failed generation anew' })
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiResponse({ status: 200, standardSchema: generation, description: 'Queued again.' })
  @ApiErrors('not_found', 'invalid_state', 'unknown_model')
  async retry(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<GenerationView> {
    return this.generations.retry(principal, id, request.trace);
  }
}

/** Aborts when nobody waits for the answer any more. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
