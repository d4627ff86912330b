import { imageIdOf, type Command, type StoredImage, type Thumbnail } from '@darkroom/domain';
import { CommandRunner } from '@darkroom/events';
import { thumbnailKey, type ImageStorage } from '@darkroom/storage';
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

interface Completed {
  readonly storage?: Pick<ImageStorage, 'put'>;
  readonly format?: 'png' | 'svg';
  /** Longest sides; of each there are as many bytes. */
  readonly thumbnails?: readonly number[];
}

/** Does all that a worker does for a generation, with these bytes as its one image. Answers the image's id. */
export async function completeGeneration(
  gateway: TestGateway,
  id: string,
  bytes: Buffer,
  { storage = gateway.app.get<ImageStorage>(STORAGE), format = 'png', thumbnails = [] }: Completed = {},
): Promise<string> {
  await makeImage(gateway, id);
  const download = await execute(gateway, id, { type: 'StartAttempt', stage: 'download', worker: 'w', deadline: null });
  const image: StoredImage = {
    id: imageIdOf(id, 0),
    index: 0,
    storage_key: `images/${id}/0.${format}`,
    format,
    content_type: format === 'svg' ? 'image/svg+xml' : 'image/png',
    width: 1,
    height: 1,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    blurhash: '00TI:j',
    thumbnails: thumbnails.map((side) => thumbnailOf(id, side)),
  };
  for (const { storage_key, bytes: size } of image.thumbnails)
    await storage.put(storage_key, Buffer.alloc(size, size % 256), { contentType: 'image/webp' });
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

/** Upright, half as wide as high. */
function thumbnailOf(generationId: string, side: number): Thumbnail {
  const sha256 = createHash('sha256').update(String(side)).digest('hex');
  const storage_key = thumbnailKey({ generationId, index: 0, sha256 }, side);
  return { width: side / 2, height: side, bytes: side, storage_key };
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
