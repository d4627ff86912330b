import { imageIdOf, type Command, type StoredImage } from '@darkroom/domain';
import { CommandRunner } from '@darkroom/events';
import type { ImageStorage } from '@darkroom/storage';
import { createHash, randomUUID } from 'node:crypto';
import { STORAGE } from '../src/connections/tokens.js';
import type { TestGateway } from './gateway-fixture.js';

type WithoutCommon<C> = C extends Command ? Omit<C, 'commandId' | 'at'> : never;

/** Carries out a command of the worker against the gateway's log. Answers the version of the generation after it. */
async function execute({ log }: TestGateway, id: string, command: WithoutCommon<Command>): Promise<number> {
  const runner = new CommandRunner(log.store, { source: '/darkroom/test' });
  const outcome = await runner.execute(id, { ...command, commandId: randomUUID(), at: new Date().toISOString() });
  if (outcome.kind === 'rejected') throw new Error(outcome.rejection.message);
  return outcome.state.version;
}

/** Does all that a worker does for a generation, with these bytes as its one image. Answers the image's id. */
export async function completeGeneration(
  gateway: TestGateway,
  id: string,
  bytes: Buffer,
  storage: Pick<ImageStorage, 'put'> = gateway.app.get<ImageStorage>(STORAGE),
): Promise<string> {
  await makeImage(gateway, id);
  const download = await execute(gateway, id, { type: 'StartAttempt', stage: 'download', worker: 'w', deadline: null });
  const image: StoredImage = {
    id: imageIdOf(id, 0),
    index: 0,
    storage_key: `images/${id}/0.png`,
    format: 'png',
    content_type: 'image/png',
    width: 1,
    height: 1,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    blurhash: '00TI:j',
    thumbnails: [],
  };
  await storage.put(image.storage_key, bytes, { contentType: image.content_type });
  await execute(gateway, id, { type: 'RecordDownloaded', fence: download, images: [image] });
  return image.id;
}

/** The part of the provider. */
async function makeImage(gateway: TestGateway, id: string): Promise<void> {
  const fence = await execute(gateway, id, { type: 'StartAttempt', stage: 'generate', worker: 'w', deadline: null });
  const predictionId = randomUUID();
  const prediction = { provider: 'replicate', predictionId, deadline: null, adopted: false };
  await execute(gateway, id, { type: 'RecordPrediction', fence, ...prediction });
  await execute(gateway, id, {
    type: 'RecordGenerated',
    fence,
    outputs: ['https://example.com/out.png'],
    outputsExpireAt: new Date(Date.now() + 3_600_000).toISOString(),
    metrics: { predict_time: 1, total_time: 1 },
    seed: 7,
    actualCostUsd: 0.003,
  });
}

/** Ends a generation whose image was made and could not be stored. */
export async function failDownload(gateway: TestGateway, id: string): Promise<void> {
  await makeImage(gateway, id);
  const fence = await execute(gateway, id, { type: 'StartAttempt', stage: 'download', worker: 'w', deadline: null });
  const error = { code: 'image_invalid', message: 'no image', retryable: false } as const;
  await execute(gateway, id, { type: 'FailAttempt', fence, error, retryAt: new Date().toISOString(), counted: true });
}

/** Ends a generation the way a refused prompt does. */
export async function failGeneration(gateway: TestGateway, id: string): Promise<void> {
  const fence = await execute(gateway, id, { type: 'StartAttempt', stage: 'generate', worker: 'w', deadline: null });
  const error = { code: 'content_refused', message: 'refused', retryable: false } as const;
  await execute(gateway, id, { type: 'FailAttempt', fence, error, retryAt: new Date().toISOString(), counted: true });
}

/** Begins an attempt and gives it up again, as a worker does that is throttled: two events, and nothing is spent. */
export async function tryInVain(gateway: TestGateway, id: string, times = 1): Promise<void> {
  const error = { code: 'provider_throttled', message: 'later', retryable: true } as const;
  for (let i = 0; i < times; i++) {
    const fence = await execute(gateway, id, { type: 'StartAttempt', stage: 'generate', worker: 'w', deadline: null });
    await execute(gateway, id, {
      type: 'FailAttempt',
      fence,
      error,
      retryAt: new Date().toISOString(),
      counted: false,
    });
  }
}

/** Position of the last event: it moves with whatever is stored. */
export async function lastPosition({ log }: TestGateway): Promise<number> {
  return (await log.reader.identify()).last;
}
