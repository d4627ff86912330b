import { bucketKey, type Documents } from '@darkroom/events';
import type { UploadedFile } from '@darkroom/provider';

/** A file that goes sooner than this is not handed over: its prediction may wait for as long until it reads it. Milliseconds. */
const LEAST_LIFE_MS = 3_600_000;

/**
 * Which file at the provider holds which bytes, known to all workers: the same bytes are handed over as the same file for
 * as long as that lives. So they are sent there once, and a create that is looked for shows what was asked for.
 */
export class SentFiles {
  constructor(
    /** Of the bucket SOURCES. */
    private readonly documents: Documents,
    private readonly provider: string,
  ) {}

  /**
   * The file's address. Of several workers that upload the same bytes at once, all hand over the file of the first.
   * @param sha256 of the bytes, in hex
   * @throws EventStoreError, and whatever `upload` throws; ask again
   */
  async urlOf(sha256: string, upload: () => Promise<UploadedFile>): Promise<string> {
    const key = bucketKey(this.provider, sha256);
    for (;;) {
      const { text, revision } = await this.documents.get(key);
      const known = text === null ? null : (JSON.parse(text) as UploadedFile);
      if (known && Date.parse(known.expiresAt) > Date.now() + LEAST_LIFE_MS) return known.url;
      const file = await upload();
      if (await this.documents.put(key, JSON.stringify(file), revision)) return file.url;
    }
  }
}
