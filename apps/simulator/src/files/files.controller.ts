import { Readable } from 'node:stream';
import { Controller, Get, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { notFound, ProblemException } from '../api/problem.js';
import { Counters } from '../control/counters.js';
import type { FileFault } from '../control/fault.schema.js';
import { FaultScript } from '../control/fault-script.js';
import { Lifetime } from '../lifetime.js';
import { isExpired, promptOf } from '../predictions/prediction.js';
import { PredictionStore } from '../predictions/prediction-store.js';
import { SimulatorSettings } from '../settings.js';
import { drawImage, type ImageFormat } from './draw-image.js';
import { pictureOf } from './picture.js';

const CONTENT_TYPES: Readonly<Record<ImageFormat, string>> = {
  webp: 'image/webp',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  svg: 'image/svg+xml',
};
const CHUNK = 64 * 1_024;

/** The output files, drawn anew for each request: nothing is stored, and the bytes are always the same. */
@Controller('files')
export class FilesController {
  constructor(
    private readonly settings: SimulatorSettings,
    private readonly store: PredictionStore,
    private readonly faults: FaultScript,
    private readonly counters: Counters,
    private readonly lifetime: Lifetime,
  ) {}

  @Get(':predictionId/:name')
  async file(
    @Param('predictionId') predictionId: string,
    @Param('name') name: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const record = this.store.find(predictionId);
    const index = record?.files?.indexOf(name) ?? -1;
    if (!record || index < 0 || isExpired(record, { fileTtlMs: this.settings.fileTtlMs, now: new Date() })) {
      throw notFound();
    }
    this.counters.count('files_served');
    const fault = this.faults.take('file', { model: record.model.id, prompt: promptOf(record.input) });
    if (fault?.kind === 'file_error') {
      throw new ProblemException(fault.status, { detail: 'Scripted by the simulator' });
    }
    if (fault?.kind === 'file_html') {
      void reply.type('text/html').send('<!doctype html><title>Not an image</title>');
      return;
    }
    const picture = pictureOf(record, index);
    const bytes = await drawImage(picture);
    const contentType = fault?.kind === 'file_wrong_type' ? fault.content_type : CONTENT_TYPES[picture.format];
    void reply
      .type(contentType)
      .header('content-length', fault?.kind === 'file_oversized' ? fault.bytes : bytes.length)
      .send(fault ? Readable.from(this.#body(bytes, fault, reply)) : bytes);
  }

  async *#body(bytes: Buffer, fault: FileFault, reply: FastifyReply): AsyncGenerator<Buffer> {
    const middle = Math.floor(bytes.length / 2);
    switch (fault.kind) {
      case 'file_slow':
        yield bytes.subarray(0, middle);
        await this.lifetime.wait(fault.ms);
        yield bytes.subarray(middle);
        return;
      case 'file_truncated':
        yield bytes.subarray(0, middle);
        // The first half must be on its way before the connection is cut.
        reply.raw.socket?.destroySoon();
        return;
      case 'file_oversized':
        for (let sent = 0; sent < fault.bytes; sent += CHUNK) {
          const chunk = Buffer.alloc(Math.min(CHUNK, fault.bytes - sent));
          bytes.subarray(sent).copy(chunk);
          yield chunk;
        }
        return;
      default:
        yield bytes;
    }
  }
}
