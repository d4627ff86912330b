import { describe, expect, it } from '@jest/globals';
import { EventStoreError } from '@darkroom/events';
import { ReadModelUnavailable } from '@darkroom/read-models';
import { StorageError } from '@darkroom/storage';
import { BadRequestException, HttpException, NotFoundException } from '@nestjs/common';
import { AppError, invalid } from './app-error.js';
import { asAppError, headersOf, problemOf } from './problem.js';

describe('asAppError', () => {
  it.each([
    [new EventStoreError('unavailable', 'x'), 'unavailable'],
    [new EventStoreError('full', 'x'), 'unavailable'],
    [new EventStoreError('unknown', 'x'), 'unavailable'],
    [new EventStoreError('conflict', 'x'), 'unavailable'],
    [new EventStoreError('too_large', 'x'), 'payload_too_large'],
    [new ReadModelUnavailable('x'), 'unavailable'],
    [new StorageError('not_found', 'x'), 'not_found'],
    [new StorageError('unavailable', 'x'), 'unavailable'],
    [new StorageError('invalid_key', 'x'), 'internal'],
    [new NotFoundException(), 'not_found'],
    [new BadRequestException('x'), 'bad_request'],
    [new BadRequestException('x', { cause: new SyntaxError('x') }), 'malformed_json'],
    [new HttpException('x', 415), 'unsupported_media_type'],
    [new HttpException('x', 413), 'payload_too_large'],
    [new HttpException('x', 502), 'internal'],
    [new TypeError('x is undefined'), 'internal'],
    ['a string', 'internal'],
  ])('%p becomes %s', (thrown, code) => {
    expect(asAppError(thrown).code).toBe(code);
  });

  it('tells nothing of what nobody expected', () => {
    const problem = problemOf(asAppError(new TypeError('secret of the house')), 'r-1');
    expect(JSON.stringify(problem)).not.toContain('secret');
    expect(problem).toMatchObject({ status: 500, code: 'internal', request_id: 'r-1' });
  });

  it('says of an unknown outcome that it is unknown', () => {
    expect(asAppError(new EventStoreError('unknown', 'x')).detail).toContain('could not be found out');
    expect(asAppError(new EventStoreError('unavailable', 'x')).detail).not.toContain('could not be found out');
  });
});

describe('a problem', () => {
  it('names the fields', () => {
    const error = invalid([{ field: 'seed', message: 'seed must be a whole number' }]);
    expect(problemOf(error, 'r-1')).toEqual({
      type: 'urn:darkroom:error:validation_failed',
      title: 'The request is not valid',
      status: 422,
      detail: 'seed must be a whole number',
      code: 'validation_failed',
      request_id: 'r-1',
      errors: [{ field: 'seed', message: 'seed must be a whole number' }],
    });
  });

  it('says when to come back', () => {
    expect(headersOf(new AppError('unavailable', 'x'))['retry-after']).toBe('2');
    expect(headersOf(new AppError('rate_limited', 'x', { retryAfterSeconds: 30 }))['retry-after']).toBe('30');
    expect(headersOf(new AppError('not_found', 'x'))).not.toHaveProperty('retry-after');
  });
});
