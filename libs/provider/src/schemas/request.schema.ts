const requestProperties = {
  input: { type: 'object' },
  webhook: { type: 'string', format: 'uri' },
  webhook_events_filter: {
    type: 'array',
    items: { type: 'string', enum: ['start', 'output', 'logs', 'completed'] },
  },
} as const;

/** `POST /models/{owner}/{name}/predictions`: a run of an official model, which has no versions. */
export const modelPredictionRequestSchema = {
  $id: 'darkroom:replicate/model-prediction-request',
  type: 'object',
  additionalProperties: false,
  properties: requestProperties,
  required: ['input'],
} as const;

/** `POST /predictions`: a run of one version of a community model. */
export const versionPredictionRequestSchema = {
  $id: 'darkroom:replicate/version-prediction-request',
  type: 'object',
  additionalProperties: false,
  properties: { ...requestProperties, version: { type: 'string', pattern: '^[0-9a-f]{64}$' } },
  required: ['version', 'input'],
} as const;

/** What is not in the body of a create but in its path and headers. */
export const createEnvelopeSchema = {
  $id: 'darkroom:replicate/create-envelope',
  type: 'object',
  properties: {
    model: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*$' },
    // Replicate takes no deadline below 5 seconds and ends every run after 30 minutes.
    cancelAfterSeconds: { type: 'integer', minimum: 5 },
  },
  required: ['model', 'cancelAfterSeconds'],
} as const;
