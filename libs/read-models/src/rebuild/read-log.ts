import type { LogReader, Position, RecordedEvent } from '@darkroom/events';
import { RebuildError } from './rebuild-error.js';

/** How long the log may stay silent although it has more. Milliseconds. */
const SILENCE_MS = 30_000;

/**
 * The log after `after`, up to the batch that reaches `until()`, which is asked after every batch.
 * @throws RebuildError `interrupted` when the log goes silent before; whatever the reader throws; the reason of `signal`
 */
export async function* readLog(
  reader: LogReader,
  after: Position,
  until: (position: Position) => Promise<boolean> | boolean,
  { signal, maxBatch }: { signal: AbortSignal; maxBatch: number },
): AsyncIterable<readonly RecordedEvent[]> {
  const silence = new AbortController();
  const onSilence = (): void =>
    silence.abort(new RebuildError('interrupted', `The log is silent for ${SILENCE_MS / 1_000} s.`));
  let timer = setTimeout(onSilence, SILENCE_MS);
  try {
    for await (const batch of reader.read(after, { signal: AbortSignal.any([signal, silence.signal]), maxBatch })) {
      clearTimeout(timer);
      yield batch;
      if (await until(batch.at(-1)!.position)) return;
      timer = setTimeout(onSilence, SILENCE_MS);
    }
    signal.throwIfAborted();
    silence.signal.throwIfAborted();
    throw new RebuildError('interrupted', 'The log ended its reader.');
  } finally {
    clearTimeout(timer);
  }
}
