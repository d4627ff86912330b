import { Controller, Get, Logger as NestLogger, Module } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import { Logger, loggingModule, withLogContext } from './index.js';

const lines: string[] = [];
const stream = new Writable({
  write(chunk: Buffer, _encoding, done) {
    lines.push(...chunk.toString().trimEnd().split('\n'));
    done();
  },
});

@Controller()
class LoggingController {
  private readonly logger = new NestLogger('Example');

  @Get('work')
  work(): string {
    return withLogContext({ request_id: 'r-1' }, () =>
      withLogContext({ generation_id: 'g-1' }, () => {
        this.logger.log({ headers: { authorization: 'Bearer secret' }, authorization: 'secret' }, 'working');
        return 'done';
      }),
    );
  }
}

@Module({ imports: [loggingModule({ level: 'info', service: 'example', stream })], controllers: [LoggingController] })
class ExampleModule {}

describe('logging', () => {
  let app: NestFastifyApplication;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [ExampleModule] }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    app.useLogger(app.get(Logger));
    await app.init();
  });
  afterAll(() => app.close());
  beforeEach(() => {
    lines.length = 0;
  });

  it('leaves the details of how Nest starts to the level debug', () => {
    const logger = app.get(Logger);
    logger.log('Mapped {/work, GET} route', 'RouterExplorer');
    logger.log('Listening', 'Gateway');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['Listening']);
  });

  it('writes one JSON line with the context and without secrets, and none per request', async () => {
    await app.inject({ url: '/work', headers: { authorization: 'Bearer secret' } });

    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('secret');
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'info',
      service: 'example',
      request_id: 'r-1',
      generation_id: 'g-1',
      context: 'Example',
      msg: 'working',
      authorization: '[redacted]',
    });
  });
});
