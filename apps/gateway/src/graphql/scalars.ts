import { GraphQLError, GraphQLScalarType } from 'graphql';

/** Those that check anything; JSON does not, and is declared by the schema alone. */

export const DateTime = new GraphQLScalarType({
  name: 'DateTime',
  description: 'A time, ISO 8601 UTC.',
  /** Whether it is a time is checked with the rest of the input, so that the message is REST's. */
  parseValue(value) {
    if (typeof value !== 'string') throw new GraphQLError('DateTime must be an ISO 8601 text');
    return value;
  },
});

export const SafeInt = new GraphQLScalarType({
  name: 'SafeInt',
  description: 'A whole number up to 2^53 - 1, which Int cannot hold.',
  parseValue(value) {
    if (!Number.isSafeInteger(value)) throw new GraphQLError('SafeInt must be a whole number up to 2^53 - 1');
    return value;
  },
});
