import { InvalidWebhookError, verifyReplicateWebhook, type Prediction } from '@darkroom/provider';
import { Body, Controller, HttpCode, Inject, Post, Query, Req } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Public } from '../auth/auth.guard.js';
import { AppError } from '../errors/app-error.js';
import { RawBody } from '../http/json-body.js';
import { PredictionNews } from '../webhooks/prediction-news.js';
import { ApiErrors } from './api-errors.js';

/** Injection token of REPLICATE_WEBHOOK_SECRET, null when it is not set. */
export const WEBHOOK_SECRET = Symbol('WEBHOOK_SECRET');

/** As the worker wrote it into the address. A webhook without it, of somebody else's prediction, is only listened to. */
const origin = z
  .object({ generation: z.string(), fence: z.coerce.number().int().positive() })
  .transform(({ generation: generationId, fence }) => ({ generationId, fence }));

/** Webhooks that come in. They bring no credentials of ours, but the provider's signature. */
@Public()
@ApiTags('Webhooks')
@Controller('v1/hooks')
export class HooksController {
  constructor(
    private readonly news: PredictionNews,
    @Inject(WEBHOOK_SECRET) private readonly secret: string | null,
  ) {}

  @Post('replicate')
  @HttpCode(204)
  @RawBody()
  @ApiOperation({
    operationId: 'replicateWebhook',
    summary: 'What Replicate tells of a prediction',
    description:
      'Signed as https://replicate.com/docs/topics/webhooks/verify-webhook says; not older than five minutes.',
  })
  @ApiHeader({ name: 'webhook-id', required: true })
  @ApiHeader({ name: 'webhook-timestamp', required: true })
  @ApiHeader({ name: 'webhook-signature', required: true })
  @ApiResponse({ status: 204, description: 'Heard.' })
  @ApiErrors('unauthenticated', 'not_found', 'payload_too_large', 'unsupported_media_type', 'unavailable')
  async replicate(@Req() request: FastifyRequest, @Body() body: unknown, @Query() query: unknown): Promise<void> {
    if (this.secret === null) throw new AppError('not_found', 'Webhooks are not expected here');
    const prediction = verified(request, typeof body === 'string' ? body : '', this.secret);
    await this.news.tell(prediction, origin.safeParse(query).data ?? null);
  }
}

function verified({ headers }: FastifyRequest, body: string, secret: string): Prediction {
  try {
    return verifyReplicateWebhook(headers, body, secret, new Date());
  } catch (error) {
    if (!(error instanceof InvalidWebhookError)) throw error;
    throw new AppError('unauthenticated', 'The webhook is not signed by Replicate, or too old', { cause: error });
  }
}
