import { Injectable } from '@nestjs/common';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { SimulatorSettings } from '../settings.js';

/** Replicate removes uploaded files after a day. */
const LIFE_MS = 24 * 3_600_000;

const facts = z.object({ id: z.string(), name: z.string(), contentType: z.string(), createdAt: z.coerce.date() });

export interface UploadedFile extends z.output<typeof facts> {
  readonly content: Buffer;
}

/** What was sent to `POST /v1/files`: in memory, or in the data folder if there is one, where it outlives the simulator. */
@Injectable()
export class UploadedFiles {
  readonly #files = new Map<string, UploadedFile>();

  constructor(private readonly settings: SimulatorSettings) {}

  add(file: Pick<UploadedFile, 'name' | 'contentType' | 'content'>, createdAt: Date): UploadedFile {
    const added = { ...file, id: randomBytes(13).toString('hex'), createdAt };
    const folder = this.#folder();
    if (folder) {
      const { content, ...others } = added;
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, added.id), content);
      writeFileSync(join(folder, `${added.id}.json`), JSON.stringify(others));
    } else {
      this.#files.set(added.id, added);
    }
    return added;
  }

  find(id: string, now: Date): UploadedFile | undefined {
    const file = this.#files.get(id) ?? this.#read(id);
    return file && expiryOf(file) > now ? file : undefined;
  }

  /** The file behind an address that {@link viewOf} gave out: what a model would be given for it. */
  behind(url: string, now: Date): UploadedFile | undefined {
    const own = `${this.settings.publicUrl}/v1/files/`;
    return url.startsWith(own) ? this.find(url.slice(own.length), now) : undefined;
  }

  /** As the API answers it. */
  viewOf(file: UploadedFile): Record<string, unknown> {
    const { id, name, contentType, content, createdAt } = file;
    return {
      id,
      name,
      content_type: contentType,
      size: content.length,
      checksums: { sha256: createHash('sha256').update(content).digest('hex') },
      metadata: {},
      created_at: createdAt.toISOString(),
      expires_at: expiryOf(file).toISOString(),
      urls: { get: `${this.settings.publicUrl}/v1/files/${id}` },
    };
  }

  clear(): void {
    this.#files.clear();
    const folder = this.#folder();
    if (folder) rmSync(folder, { recursive: true, force: true });
  }

  #folder(): string | undefined {
    return this.settings.dataDir && join(this.settings.dataDir, 'uploads');
  }

  #read(id: string): UploadedFile | undefined {
    const folder = this.#folder();
    if (!folder || !/^[0-9a-f]+$/.test(id) || !existsSync(join(folder, `${id}.json`))) return undefined;
    const known = facts.parse(JSON.parse(readFileSync(join(folder, `${id}.json`), 'utf8')));
    return { ...known, content: readFileSync(join(folder, id)) };
  }
}

function expiryOf({ createdAt }: Pick<UploadedFile, 'createdAt'>): Date {
  return new Date(createdAt.getTime() + LIFE_MS);
}
