/** The body of Replicate's 4xx answers. Proxies before it answer in other shapes, so nothing is required. */
export const problemSchema = {
  $id: 'darkroom:replicate/problem',
  type: 'object',
  properties: {
    title: { type: 'string' },
    detail: { type: 'string' },
    status: { type: 'integer' },
    /** Seconds; with 429 only. */
    retry_after: { type: 'number', minimum: 0 },
    invalid_fields: { type: ['array', 'null'], items: { type: 'object' } },
  },
} as const;

export interface ReplicateProblem {
  readonly title?: string;
  readonly detail?: string;
  readonly status?: number;
  readonly retry_after?: number;
}
