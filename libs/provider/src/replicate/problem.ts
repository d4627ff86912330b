import type { IncomingHttpHeaders } from 'undici/types/header.js';
import { ProviderError, type ProviderErrorKind } from '../provider.port.js';
import { isProblem, type ReplicateProblem } from '../schemas/index.js';

/** An HTTP answer read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A wrong Retry-After must not park work for days. */
const LONGEST_WAIT_SECONDS = 3_600;
const LONGEST_MESSAGE = 1_000;

/** True when the answer says that the request was refused as it is: it had no effect, and the same again would have none. */
export function isRefusal(status: number): boolean {
  // 408 says that somebody on the way gave up waiting, not that nothing happened.
  return status >= 400 && status < 500 && status !== 408;
}

/** The error that a refusal (see {@link isRefusal}) stands for. */
export function refusalError(answer: Answer, now: Date): ProviderError {
  const problem = parseProblem(answer.text);
  const message = describe(answer, problem);
  if (answer.status === 429) {
    return new ProviderError('throttled', message, {
      status: 429,
      retryAfterSeconds: retryAfterSeconds(answer.headers, problem, now),
    });
  }
  return new ProviderError(kindOf(answer.status), message, { status: answer.status });
}

function kindOf(status: number): ProviderErrorKind {
  switch (status) {
    case 401:
    case 403:
      return 'unauthorized';
    case 402:
      return 'out_of_credit';
    case 404:
      return 'not_found';
    default:
      return 'rejected';
  }
}

/** Replicate tells the wait in the Retry-After header, in `retry_after`, or only in the text ("resets in ~30s"). */
function retryAfterSeconds(headers: IncomingHttpHeaders, problem: ReplicateProblem, now: Date): number | undefined {
  const header = [headers['retry-after']].flat()[0];
  const fromText = /resets in ~?(\d+)\s*s/i.exec(problem.detail ?? '')?.[1];
  const seconds =
    (header === undefined ? undefined : parseRetryAfter(header, now)) ??
    problem.retry_after ??
    (fromText === undefined ? undefined : Number(fromText));
  return seconds === undefined ? undefined : Math.min(Math.max(seconds, 0), LONGEST_WAIT_SECONDS);
}

/** RFC 9110, 10.2.3: seconds or an HTTP date. */
function parseRetryAfter(value: string, now: Date): number | undefined {
  if (/^\s*\d+\s*$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.ceil((date - now.getTime()) / 1_000);
}

function parseProblem(text: string): ReplicateProblem {
  try {
    const body: unknown = JSON.parse(text);
    return isProblem(body) ? body : {};
  } catch {
    return {};
  }
}

function describe(answer: Answer, problem: ReplicateProblem): string {
  const told = [problem.title, problem.detail?.trim()].filter((part) => part !== undefined && part !== '').join(': ');
  return (told === '' ? `Replicate answered ${answer.status}` : told).slice(0, LONGEST_MESSAGE);
}
