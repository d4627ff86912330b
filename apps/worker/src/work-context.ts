import type { RecordedEvent } from '@darkroom/events';
import { parseTraceparent, withLogContext } from '@darkroom/observability';

/** Every log line of this piece of work names its generation and the trace of the request behind it. */
export function withWorkContext<T>({ generationId, traceparent }: RecordedEvent, work: () => T): T {
  const trace_id = parseTraceparent(traceparent)?.traceId;
  return withLogContext({ generation_id: generationId, trace_id }, work);
}
