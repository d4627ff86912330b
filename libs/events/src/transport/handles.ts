import { applyDecorators, Catch, UseFilters, type RpcExceptionFilter } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import type { Pattern } from './subscriptions.js';

/** Nest turns what a handler throws into "Internal server error" unless a filter passes it on as it is. */
@Catch()
class KeepError implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/**
 * Makes a controller's method the handler of a subscription: it is given the decoded message and its {@link Delivery}.
 * Returning acknowledges. Throwing HandBack or Unprocessable says what to do; any other error is delivered again later.
 */
export function Handles(pattern: Pattern): MethodDecorator {
  return applyDecorators(EventPattern(pattern) as MethodDecorator, UseFilters(KeepError));
}
