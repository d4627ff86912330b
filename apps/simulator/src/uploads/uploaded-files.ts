import { Injectable } from '@nestjs/common';
import { createHash, randomBytes } from 'node:crypto';
import { SimulatorSettings } from '../settings.js';

/** Replicate removes uploaded files after a day. */
const LIFE_MS = 24 * 3_600_000;

export interface UploadedFile {
  readonly id: string;
  readonly name: string;
  readonly contentType: string;
  readonly content: Buffer;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** What was sent to `POST /v1/files`, in memory. It does not outlive the simulator. */
@Injectable()
export class UploadedFiles {
  readonly #files = new Map<string, UploadedFile>();

  constructor(private readonly settings: SimulatorSettings) {}

  add(file: Pick<UploadedFile, 'name' | 'contentType' | 'content'>, now: Date): UploadedFile {
    const id = randomBytes(16).toString('hex').slice(0, 26);
    const added = { ...file, id, createdAt: now, expiresAt: new Date(now.getTime() + LIFE_MS) };
    this.#files.set(id, added);
    return added;
  }

  find(id: string, now: Date): UploadedFile | undefined {
    const file = this.#files.get(id);
    return file && file.expiresAt > now ? file : undefined;
  }

  /** The file behind an address that {@link viewOf} gave out: what a model would be given for it. */
  behind(url: string, now: Date): UploadedFile | undefined {
    const own = `${this.settings.publicUrl}/v1/files/`;
    return url.startsWith(own) ? this.find(url.slice(own.length), now) : undefined;
  }

  /** As the API answers it. */
  viewOf({ id, name, contentType, content, createdAt, expiresAt }: UploadedFile): Record<string, unknown> {
    return {
      id,
      name,
      content_type: contentType,
      size: content.length,
      etag: id,
      checksums: { sha256: createHash('sha256').update(content).digest('hex') },
      metadata: {},
      created_at: createdAt.toISOString(),
      expires_at: expiresAt.toISOString(),
      urls: { get: `${this.settings.publicUrl}/v1/files/${id}` },
    };
  }

  clear(): void {
    this.#files.clear();
  }
}
