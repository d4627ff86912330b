/** A file as `POST /files` answers it. Only what Darkroom reads is required. */
export const fileSchema = {
  $id: 'darkroom:replicate/file',
  type: 'object',
  properties: {
    id: { type: 'string', minLength: 1 },
    content_type: { type: 'string' },
    size: { type: 'integer' },
    checksums: { type: 'object' },
    metadata: { type: 'object' },
    created_at: { type: 'string', format: 'date-time' },
    expires_at: { type: 'string', format: 'date-time' },
    urls: { type: 'object', properties: { get: { type: 'string', format: 'uri' } }, required: ['get'] },
  },
  required: ['urls', 'expires_at'],
} as const;

/** The body of an answer of {@link fileSchema}, once validated. */
export interface ReplicateFile {
  readonly urls: { readonly get: string };
  readonly expires_at: string;
}
