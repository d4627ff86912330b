import { bucketKey, type Claims } from '@darkroom/events';
import { z } from 'zod';
import type { IdempotencyKeys, KeyHolder } from '../application/idempotency-keys.js';

const storedHolder = z.object({ generation_id: z.string(), request_hash: z.string() });

/** Idempotency keys in a JetStream key-value bucket, whose create is atomic. */
export class KvIdempotencyKeys implements IdempotencyKeys {
  /** @param claims throws EventStoreError `unavailable` while there is no connection */
  constructor(private readonly claims: () => Claims) {}

  async find(userId: string, key: string): Promise<KeyHolder | null> {
    const stored = await this.claims().holder(bucketKey(userId, key));
    return stored === null ? null : parse(stored);
  }

  async reserve(userId: string, key: string, { generationId, requestHash }: KeyHolder): Promise<KeyHolder> {
    const value = JSON.stringify({ generation_id: generationId, request_hash: requestHash });
    return parse(await this.claims().claim(bucketKey(userId, key), value));
  }
}

function parse(text: string): KeyHolder {
  const { generation_id, request_hash } = storedHolder.parse(JSON.parse(text));
  return { generationId: generation_id, requestHash: request_hash };
}
