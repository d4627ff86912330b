import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GenerationsService } from '../application/generations.service.js';
import type { Principal } from '../application/principal.js';
import { credentialSignal } from '../auth/credential-signal.js';
import { CurrentPrincipal } from '../auth/principal.decorator.js';
import { EventStream, type StreamTiming } from '../live/event-stream.js';
import { ApiErrors } from './api-errors.js';
import { lastEventIdOf } from './last-event-id.js';

/** Injection token of the {@link StreamTiming}. */
export const TIMING = Symbol('TIMING');

/** Live updates as Server-Sent Events. */
@ApiTags('Generations')
@ApiBearerAuth()
@ApiErrors('unauthenticated', 'unavailable')
@Controller('v1/generations')
export class EventsController {
  constructor(
    private readonly generations: GenerationsService,
    @Inject(TIMING) private readonly timing: StreamTiming,
  ) {}

  @Get(':id/events')
  @ApiOperation({
    operationId: 'followGeneration',
    summary: 'A generation as it changes, as Server-Sent Events',
    description:
      'First the generation as it is, then after each change, until it ends. Messages are of the type `generation`; ' +
      '`data` is the generation, `id` its stream position. After a lost connection, `Last-Event-ID` goes on without a ' +
      'gap or a repeat. In between, a message without an `id` tells that it has come further. The stream ends with the generation, or when the credential expires.',
  })
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    schema: { type: 'integer', minimum: 0 },
    description: 'The `id` seen last: only what came after it is sent.',
  })
  @ApiResponse({
    status: 200,
    description: 'A stream.',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  })
  @ApiResponse({ status: 204, description: 'Nothing will follow what was seen last. An EventSource then stops.' })
  @ApiErrors('not_found', 'validation_failed')
  async events(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const after = lastEventIdOf(request.headers['last-event-id']);
    const gone = new AbortController();
    // Of the socket, not of the response: that of a pipelined request may never close.
    const leave = (): void => gone.abort();
    const { socket } = request.raw;
    socket.once('close', leave);
    gone.signal.addEventListener('abort', () => socket.off('close', leave), { once: true });
    try {
      const views = await this.generations.follow(principal, id, {
        after,
        signal: credentialSignal(principal, gone.signal),
      });
      reply.header('cache-control', 'no-store');
      if (views.ended) {
        leave();
        return void reply.status(204).send();
      }
      const stream = new EventStream(views, after, this.timing, gone.signal).once('close', leave);
      // The end of the stream ends the connection: at a shutdown there is nothing left to wait for.
      void reply
        .status(200)
        .headers({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no', connection: 'close' })
        .send(stream);
    } catch (error) {
      leave();
      throw error;
    }
  }
}
