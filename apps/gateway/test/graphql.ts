import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import WebSocket from 'ws';
import { tokenFor, type RequestOptions, type TestGateway } from './gateway-fixture.js';

export interface GraphqlAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Whatever the server sent: the test says what it expects. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly data: any;
  readonly errors: readonly GraphqlError[] | undefined;
}

export interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: Readonly<Record<string, unknown>>;
}

/** Sends an operation over HTTP as a user. */
export async function sendGraphql(
  gateway: TestGateway,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
  options: RequestOptions = {},
): Promise<GraphqlAnswer> {
  const answer = await gateway.send('/graphql', { json: { query, variables }, ...options });
  const body = answer.json as Pick<GraphqlAnswer, 'data' | 'errors'>;
  return { ...body, status: answer.status, headers: answer.headers };
}

export const socketUrl = (gateway: TestGateway): string => `${gateway.url.replace(/^http/, 'ws')}/graphql`;

/** The public client of the protocol, as a user. It does not come again when the connection ends. */
export function openSocket(gateway: TestGateway, user = 'alice', options: Partial<ClientOptions> = {}): Client {
  return createClient({
    url: socketUrl(gateway),
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: async () => ({ authorization: `Bearer ${await tokenFor(user)}` }),
    ...options,
  });
}

/** Every field of a generation. */
export const GENERATION = /* GraphQL */ `
  fragment everything on Generation {
    id
    status
    progress
    modelId
    prompt
    negativePrompt
    width
    height
    aspectRatio
    numInferenceSteps
    guidanceScale
    seed
    numOutputs
    outputFormat
    sourceImageUrl
    sourceImageId
    referenceImageUrls
    strength
    style
    modelOptions
    attempt
    maxAttempts
    priority
    lane
    queuePosition
    createdAt
    scheduledAt
    deadline
    startedAt
    completedAt
    retryAt
    error {
      code
      message
      stage
      retryable
    }
    images {
      id
      url
      thumbnailUrl
      format
      width
      height
      bytes
      sha256
      blurhash
    }
    cost {
      estimatedUsd
      actualUsd
    }
    warnings {
      field
      message
    }
    metadata
    batchId
    version
    position
  }
`;
