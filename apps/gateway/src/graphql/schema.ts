import { DEFAULT_MODEL_ID, FAILURE_CODES, LANES, MODEL_KINDS, STAGES, STATUSES } from '@darkroom/domain';

/** Of HTTP and WebSocket alike. */
export const GRAPHQL_PATH = '/graphql';

const values = (names: readonly string[]): string => names.map((name) => `\n  ${name}`).join('');

/**
 * The GraphQL contract. Fields are those of REST in camelCase, and enums have REST's values as they are: one thing has
 * one name. Root fields are nullable, so that one that fails leaves the answers of the others in the operation standing.
 */
export const typeDefs = /* GraphQL */ `
  scalar DateTime

  "Any JSON value. The keys in it are kept as they are."
  scalar JSON

  scalar SafeInt

  type Query {
    "One generation as it is now, never older than the last answer. Needs the event log alone."
    generation(id: ID!): Generation

    """
    Your generations, newest first; everybody's for operators. Lists are a moment behind the log: position says up to
    where they reflect it.
    """
    generations(
      "1 to 100."
      first: Int! = 20
      "The cursor of the edge to go on behind."
      after: String
      filter: GenerationFilter
      "Waits until the list reflects the log up to here: the position of an earlier answer."
      minPosition: SafeInt
    ): GenerationConnection

    "Checks everything of a request and tells its price; stores and spends nothing."
    quoteGeneration(input: GenerationInput!): Quote

    "What you may still ask for. Operators have no limits."
    limits: Limits

    "The models, active or not, and all that a form for them needs."
    models(
      "One of ${MODEL_KINDS.join(', ')}."
      kind: String
      "Only those that can be asked for, or only the others."
      active: Boolean
    ): [Model!]

    "One model, active or not, such as ${DEFAULT_MODEL_ID}."
    model(id: ID!): Model
  }

  type Mutation {
    """
    Asks for a generation, and answers as soon as the request is safe in the log. Images are made afterwards: follow them
    with the subscription generationUpdated.
    """
    requestGeneration(
      input: GenerationInput!
      """
      Makes retries safe: the same key and input are the same generation, for ever, through GraphQL or REST. 1 to 255
      printable ASCII characters.
      """
      idempotencyKey: String
    ): Generation

    "Stops a generation that has not ended."
    cancelGeneration(id: ID!): Generation

    "Begins a failed generation anew."
    retryGeneration(id: ID!): Generation
  }

  """
  Over WebSocket, by the protocol graphql-transport-ws; the payload of connection_init is {authorization: "Bearer …"}.
  """
  type Subscription {
    """
    A generation as it is now, then after each change, each once and in order. Ends when the generation has ended. An
    error unavailable says that changes may be missing: subscribe again, after the position that was heard last.
    """
    generationUpdated(
      id: ID!
      "Goes on behind this position instead of beginning with the present state: nothing is told twice or left out."
      after: SafeInt
    ): Generation!

    "Your generations, everybody's for operators, after each change from now on."
    generationsUpdated: Generation!
  }

  enum GenerationStatus {${values(STATUSES)}
  }

  "Queues are served by weight, high first."
  enum Lane {${values(LANES)}
  }

  enum Stage {${values(STAGES)}
  }

  "Why a generation failed."
  enum FailureCode {${values(FAILURE_CODES)}
  }

  type Generation {
    id: ID!
    status: GenerationStatus!
    "Per cent."
    progress: Int!
    modelId: String!
    prompt: String!
    negativePrompt: String
    "Pixels."
    width: Int
    "Pixels."
    height: Int
    aspectRatio: String
    numInferenceSteps: Int
    guidanceScale: Float
    seed: SafeInt
    numOutputs: Int!
    outputFormat: String
    sourceImageUrl: String
    sourceImageId: ID
    referenceImageUrls: [String!]!
    "How far the result may leave the source image: 0 keeps it, 1 replaces it."
    strength: Float
    style: String
    modelOptions: JSON!
    attempt: Int!
    maxAttempts: Int!
    priority: Int!
    lane: Lane!
    """
    Place in the queue it waits in, 1 = next: in its user’s own line while as many of the user’s run as may, else among what waits in its lane (high, normal, low) for a worker, whoever’s it is, by the time it was asked for. Null when it does not wait, in lists and in live updates, and when the broker does not tell.
    """
    queuePosition: Int
    createdAt: DateTime!
    scheduledAt: DateTime
    deadline: DateTime
    startedAt: DateTime
    completedAt: DateTime
    "When the next attempt begins."
    retryAt: DateTime
    error: GenerationError
    images: [Image!]!
    cost: Cost!
    "Fields of the request that this model has no use for, and the like."
    warnings: [Warning!]!
    "Your own labels."
    metadata: JSON!
    batchId: ID
    "Grows by one with every event of the generation."
    version: Int!
    "Position in the log of its last event."
    position: SafeInt!
  }

  type GenerationError {
    code: FailureCode!
    message: String!
    stage: Stage!
    retryable: Boolean!
  }

  type Image {
    id: ID!
    "Where its bytes are, for whoever may see the generation."
    url: String!
    thumbnailUrl: String
    format: String!
    width: Int!
    height: Int!
    bytes: SafeInt!
    "Of the bytes, in hex."
    sha256: String!
    blurhash: String!
  }

  "US dollars."
  type Cost {
    estimatedUsd: Float
    actualUsd: Float
  }

  type Warning {
    field: String!
    message: String!
  }

  type GenerationConnection {
    edges: [GenerationEdge!]!
    pageInfo: PageInfo!
    "Position of the log that the page reflects."
    position: SafeInt!
  }

  type GenerationEdge {
    node: Generation!
    cursor: String!
  }

  type PageInfo {
    hasNextPage: Boolean!
    hasPreviousPage: Boolean!
    startCursor: String
    endCursor: String
  }

  "All that is given must hold."
  input GenerationFilter {
    status: GenerationStatus
    modelId: String
    "Exclusive."
    createdAfter: DateTime
    "Exclusive."
    createdBefore: DateTime
    batchId: String
    "An object of strings: every entry must be in the generation's metadata."
    metadata: JSON
  }

  input GenerationInput {
    """
    What the image shows: 1 to 10,000 characters. Required, but for models of the kinds upscale and background-removal,
    which may do without.
    """
    prompt: String
    "Default ${DEFAULT_MODEL_ID}."
    modelId: String
    "What the image must not show."
    negativePrompt: String
    "Pixels. With height."
    width: Int
    "Pixels. With width."
    height: Int
    "Instead of width and height, such as 16:9."
    aspectRatio: String
    numInferenceSteps: Int
    guidanceScale: Float
    "The same seed and input give the same image, if the model can."
    seed: SafeInt
    "Number of images, 1 to 4. Default 1."
    numOutputs: Int
    "A format that the model makes."
    outputFormat: String
    "An image to start from: a public https address, or the url of an upload or an image of your own."
    sourceImageUrl: String
    "Instead of sourceImageUrl: an image of an earlier generation of yours."
    sourceImageId: ID
    "Images that the result is to resemble, addressed like sourceImageUrl, if the model takes several."
    referenceImageUrls: [String!]
    "How far the result may leave the source image: 0 keeps it, 1 replaces it. The same for every model."
    strength: Float
    style: String
    "Further inputs that this model takes, under its own names."
    modelOptions: JSON
    "-100 to 100. Above 0 is served before, below 0 after the others. Default 0."
    priority: Int
    "1 to 10."
    maxAttempts: Int
    "Not to begin before. A time that has passed means at once; at most one year ahead."
    scheduledAt: DateTime
    deadline: DateTime
    "Where to tell of changes, by signed POST. Must be public."
    webhookUrl: String
    "Which changes to tell of, such as generation.completed. Default: all but generation.progressed."
    webhookEvents: [String!]
    "Your own labels: an object of strings, at most 4 KB. Lists can be filtered by them."
    metadata: JSON
  }

  type Limits {
    "Requests of the present hour, UTC."
    hourly: Limit!
    "Requests of the present day, UTC."
    daily: Limit!
    "Generations that run now. Those above the limit wait in line."
    concurrent: Limit!
  }

  type Limit {
    "0 without a limit: nothing is counted then."
    used: Int!
    "Null: none."
    limit: Int
    resetsAt: DateTime
  }

  "What a request would send to the provider, and cost."
  type Quote {
    modelId: String!
    version: String
    "Under the provider's names."
    providerInput: JSON!
    warnings: [Warning!]!
    cost: QuotedCost!
  }

  "US dollars."
  type QuotedCost {
    estimatedUsd: Float
  }

  type Model {
    id: ID!
    version: String
    title: String!
    "${MODEL_KINDS.join(', ')}"
    kind: String!
    "JSON Schema of the fields of GenerationInput that have an effect on it."
    parameters: JSON!
    aspectRatios: [String!]!
    sizes: [ModelSize!]!
    "What it does where GenerationInput says nothing."
    defaults: JSON!
    "Empty where its maker does not say."
    outputFormats: [String!]!
    "Null where none is confirmed."
    price: Price
    "Median seconds of a run."
    typicalSeconds: Float
    goodAt: String!
    "Images to start from, or to resemble. 0: it takes none."
    maxSourceImages: Int!
    "False: a request for it is refused with unknown_model."
    active: Boolean!
    "Why it is not offered, or what could not be confirmed of it."
    note: String
    "What to ask for instead of a model that is not offered."
    successor: String
  }

  "Pixels."
  type ModelSize {
    aspectRatio: String!
    width: Int!
    height: Int!
    "False: about these, since its maker tells shape and resolution alone."
    exact: Boolean!
  }

  "US dollars, by what the model is billed by: those that are there add up."
  type Price {
    usdPerImage: Float
    usdPerSecond: Float
    usdPerRun: Float
    usdPerMegapixel: Float
  }
`;
