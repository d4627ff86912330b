import { RouteConfig } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** A route that gets its JSON body as the text that came, unread: what is signed are its bytes. */
export const RawBody = () => RouteConfig({ rawBody: true });

/**
 * JSON is the one kind of body that most routes read (file-body.ts is for the others); any other is 415. An empty body is none, since many clients send the
 * header without a body. Keys that reach for a prototype are refused.
 */
export function acceptJsonBodies(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const { rawBody } = request.routeOptions.config as { rawBody?: boolean };
    if (body.length === 0) done(null, undefined);
    else if (rawBody) done(null, body);
    else void parse(request, body as string, done);
  });
}
