import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { problem } from '../rest/answers.schema.js';

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;

/** Serves `/docs` and `/docs/openapi.json`. */
export function serveDocs(app: NestFastifyApplication, publicUrl: string): void {
  SwaggerModule.setup('docs', app, () => describeApi(app, publicUrl), {
    jsonDocumentUrl: 'docs/openapi.json',
    yamlDocumentUrl: 'docs/openapi.yaml',
    customSiteTitle: 'Darkroom API',
    swaggerOptions: { persistAuthorization: true },
  });
}

function describeApi(app: NestFastifyApplication, publicUrl: string): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Darkroom')
    .setDescription(
      'Images from prompts, made asynchronously. Every error is `application/problem+json` (RFC 9457) with a `code`, ' +
        'and every answer carries `X-Request-Id`. A request may carry its own, and a W3C `traceparent`.',
    )
    .setVersion('1')
    .addServer(publicUrl)
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'A JWT, or an API key.' })
    .build();
  const document = SwaggerModule.createDocument(app, config, { operationIdFactory: (_controller, method) => method });
  document.components = { ...document.components, schemas: { ...document.components?.schemas, ...problemSchema() } };
  return document;
}

/** Errors are documented by reference, which the generator does not follow by itself. */
function problemSchema(): Schemas {
  const { definitions } = z.toJSONSchema(problem, { target: 'openapi-3.0' });
  return definitions as Schemas;
}
