import type { UploadIdentity } from '@darkroom/storage';

export type UploadContent = Omit<UploadIdentity, 'userId'>;

/** An upload is named by its content: with its owner that is all that there is to know of it. */
export function uploadIdOf({ sha256, format }: UploadContent): string {
  return `${sha256}.${format}`;
}

/** Null when the text is none of {@link uploadIdOf}. */
export function parseUploadId(id: string): UploadContent | null {
  const [, sha256, format] = /^([0-9a-f]{64})\.(png|jpeg|webp)$/.exec(id) ?? [];
  return sha256 === undefined ? null : { sha256, format: format as UploadContent['format'] };
}
