import { EVENTS_STREAM, generationSubject, type Broker } from '@darkroom/events';

/** What one accepted request left in the log, and what it was answered: the bare gateway does the same. */
export interface Sample {
  readonly headers: readonly (readonly [string, string])[];
  readonly event: object;
  readonly answer: object;
}

/** Takes the sample from a request that a gateway has just accepted. */
export async function takeSample(broker: Broker, answer: { id: string }): Promise<Sample> {
  const stored = await broker.manager.streams.getMessage(EVENTS_STREAM, {
    last_by_subj: generationSubject(answer.id),
  });
  if (!stored) throw new Error(`Generation ${answer.id} is not in the log`);
  const names = stored.header.keys().filter((name) => !name.startsWith('Nats-'));
  return { headers: names.map((name) => [name, stored.header.get(name)]), event: stored.json<object>(), answer };
}

export function parseSample(text: string | undefined): Sample {
  if (text === undefined) throw new Error('SAMPLE is unset');
  return JSON.parse(text) as Sample;
}
