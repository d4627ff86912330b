import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { withLogContext } from '@darkroom/observability';
import { EventStoreError } from '@darkroom/events';
import { HttpException, Logger } from '@nestjs/common';
import { GraphQLError } from 'graphql';
import { AppError, invalid } from '../errors/app-error.js';
import { formatError, httpError } from './errors.js';

const ID = { request_id: 'r-1' };
const format = (error: GraphQLError) => withLogContext(ID, () => formatError(error));
const thrown = (originalError: Error) => new GraphQLError('x', { path: ['generation'], originalError });

describe('errors of GraphQL', () => {
  const lines: unknown[][] = [];
  beforeEach(() => {
    lines.length = 0;
    for (const level of ['error', 'warn'] as const) {
      jest.spyOn(Logger.prototype, level).mockImplementation((...line: unknown[]) => void lines.push([level, ...line]));
    }
  });
  afterEach(() => void jest.restoreAllMocks());

  it('have the code and the text of REST, under extensions', () => {
    expect(format(thrown(new AppError('not_found', 'Not here')))).toEqual({
      message: 'Not here',
      path: ['generation'],
      extensions: { code: 'not_found', requestId: 'r-1' },
    });
    expect(lines).toEqual([]);
  });

  it('name fields as GraphQL does', () => {
    const error = invalid([{ field: 'num_outputs', message: 'num_outputs: Too big' }], 'validation_failed');
    expect(format(thrown(error))).toMatchObject({
      message: 'numOutputs: Too big',
      extensions: { code: 'validation_failed', errors: [{ field: 'numOutputs', message: 'numOutputs: Too big' }] },
    });
  });

  it('say when to come again', () => {
    const unavailable = new EventStoreError('unavailable', 'connection to 10.0.0.7 lost');
    const answer = format(thrown(unavailable));
    expect(answer.extensions).toEqual({ code: 'unavailable', requestId: 'r-1', retryAfterSeconds: 2 });
    expect(JSON.stringify(answer)).not.toContain('10.0.0.7');
    expect(lines).toEqual([['warn', { err: unavailable, request_id: 'r-1' }, expect.any(String)]]);
  });

  it('tell nothing of what nobody expected, and log all of it, once', () => {
    const surprise = new TypeError('password of db.internal is hunter2');
    const answer = format(thrown(surprise));
    expect(answer).toEqual({
      message: 'The error has been logged under the request id',
      path: ['generation'],
      extensions: { code: 'internal', requestId: 'r-1' },
    });
    expect(lines).toEqual([['error', { err: surprise, request_id: 'r-1' }, 'Unexpected error']]);
  });

  it('tell a value that our own types refuse as our fault', () => {
    const broken = new GraphQLError('Cannot return null for non-nullable field Generation.id.', { path: ['x'] });
    expect(format(broken).extensions?.code).toBe('internal');
    expect(lines).toHaveLength(1);
  });

  it.each([
    ['GRAPHQL_PARSE_FAILED', 'bad_request'],
    ['GRAPHQL_VALIDATION_FAILED', 'bad_request'],
    ['BAD_REQUEST', 'bad_request'],
    ['BAD_USER_INPUT', 'validation_failed'],
    ['INTERNAL_SERVER_ERROR', 'internal'],
    ['made up', 'internal'],
  ])('tell Apollo’s %s as %s', (code, ours) => {
    expect(format(new GraphQLError('x', { extensions: { code } })).extensions?.code).toBe(ours);
  });

  it('understand what Nest throws', () => {
    expect(format(thrown(new HttpException('No', 403))).extensions?.code).toBe('forbidden');
  });

  it('before an operation have the status and the headers of REST', () => {
    const error = httpError(new AppError('unauthenticated', 'Who?', { headers: { 'www-authenticate': 'Bearer' } }));
    const { status, headers } = error.extensions.http as { status: number; headers: Map<string, string> };
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe('Bearer');
    expect(format(error)).toEqual({ message: 'Who?', extensions: { code: 'unauthenticated', requestId: 'r-1' } });
  });
});
