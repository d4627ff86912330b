import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/**
 * JSON is the one kind of body that is read; any other is 415. An empty body is none, since many clients send the
 * header without a body. Keys that reach for a prototype are refused.
 */
export function acceptJsonBodies(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else void parse(request, body as string, done);
  });
}
