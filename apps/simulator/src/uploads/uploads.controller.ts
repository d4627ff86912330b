import type { Multipart } from '@fastify/multipart';
import { Controller, Get, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BearerGuard } from '../api/bearer.guard.js';
import { resetConnection } from '../api/connection.js';
import { notFound, ProblemException } from '../api/problem.js';
import { Counters } from '../control/counters.js';
import { FaultScript } from '../control/fault-script.js';
import { Lifetime } from '../lifetime.js';
import { UploadedFiles, type UploadedFile } from './uploaded-files.js';

/** Replicate's file API: what is uploaded here can stand in an input by its address. */
@Controller('v1/files')
export class UploadsController {
  constructor(
    private readonly files: UploadedFiles,
    private readonly faults: FaultScript,
    private readonly counters: Counters,
    private readonly lifetime: Lifetime,
  ) {}

  @Post()
  @UseGuards(BearerGuard)
  async upload(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    this.counters.count('uploads_received');
    const fault = this.faults.take('upload');
    if (fault?.kind === 'upload_reset') return resetConnection(reply);
    const received = await receive(request);
    if (fault?.kind === 'upload_error') {
      throw new ProblemException(fault.status, { detail: 'Scripted by the simulator' });
    }
    if (fault?.kind === 'upload_slow') await this.lifetime.wait(fault.ms);
    const file = this.files.add(received, new Date());
    this.counters.count('files_uploaded');
    void reply.status(201).send(this.files.viewOf(file));
  }

  @Get(':id')
  @UseGuards(BearerGuard)
  file(@Param('id') id: string): Record<string, unknown> {
    return this.files.viewOf(this.#find(id));
  }

  /** Replicate signs such links; here knowing the id is enough. */
  @Get(':id/download')
  download(@Param('id') id: string, @Res() reply: FastifyReply): void {
    const { contentType, content } = this.#find(id);
    void reply.type(contentType).send(content);
  }

  #find(id: string): UploadedFile {
    const file = this.files.find(id, new Date());
    if (!file) throw notFound();
    return file;
  }
}

/** Reads all parts: the file may be followed by others. */
async function receive(request: FastifyRequest): Promise<Pick<UploadedFile, 'name' | 'contentType' | 'content'>> {
  if (!request.isMultipart()) throw new ProblemException(415, { detail: 'Unsupported media type' });
  let received: Pick<UploadedFile, 'name' | 'contentType' | 'content'> | undefined;
  for await (const part of request.parts() as AsyncIterable<Multipart>) {
    if (part.type !== 'file') continue;
    const content = await part.toBuffer();
    if (part.fieldname === 'content') received = { name: part.filename, contentType: part.mimetype, content };
  }
  if (!received) throw new ProblemException(422, { detail: '- content: is required\n' });
  return received;
}
