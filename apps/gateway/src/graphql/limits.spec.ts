import { describe, expect, it } from '@jest/globals';
import {
  buildSchema,
  getIntrospectionQuery,
  getOperationAST,
  parse,
  specifiedRules,
  validate,
  type OperationDefinitionNode,
} from 'graphql';
import { GENERATION } from '../../test/graphql.js';
import { checkCost, costOf, PARSE_OPTIONS, VALIDATION_RULES } from './limits.js';
import { typeDefs } from './schema.js';

const schema = buildSchema(typeDefs);

function read(query: string) {
  const document = parse(query, PARSE_OPTIONS);
  return { document, operation: getOperationAST(document, null) as OperationDefinitionNode };
}

function cost(query: string, variables: Record<string, unknown> = {}): number {
  const { document, operation } = read(query);
  return costOf(schema, document, operation, variables);
}

function check(query: string, variables: Record<string, unknown> = {}): void {
  const { document, operation } = read(query);
  checkCost(schema, document, operation, variables);
}

const mistakes = (query: string): string[] =>
  validate(schema, parse(query, PARSE_OPTIONS), [...specifiedRules, ...VALIDATION_RULES]).map(({ message }) => message);

/** A selection of `depth` fields, one in the other. */
const nested = (depth: number): string =>
  `{ __type(name: "x") ${'{ ofType '.repeat(depth - 2)}{ name }${' }'.repeat(depth - 1)}`;

describe('the limits of a query', () => {
  it('have room for all of a page, and for what tools ask for', () => {
    const page = `{ generations(first: 100) { position pageInfo { hasNextPage endCursor } edges { cursor node { ...everything } } } }`;
    expect(() => check(page + GENERATION)).not.toThrow();
    expect(mistakes(page + GENERATION)).toEqual([]);
    const models = `{ models { id version title kind parameters aspectRatios sizes { aspectRatio width height exact } defaults
      outputFormats price { usdPerImage usdPerSecond usdPerRun usdPerMegapixel } typicalSeconds goodAt maxSourceImages
      active note successor } }`;
    expect(() => check(models)).not.toThrow();
    const introspection = getIntrospectionQuery({ inputValueDeprecation: true, schemaDescription: true });
    expect(() => check(introspection)).not.toThrow();
    expect(mistakes(introspection)).toEqual([]);
  });

  it('count each field, those behind a list as often as the list is long', () => {
    expect(cost('{ generation(id: "x") { id status } }')).toBe(102);
    expect(cost('{ generation(id: "x") { prompt images { id } } }')).toBe(100 + 10 + 1 + 4);
    expect(cost('{ generations(first: 10) { edges { cursor } } }')).toBe(100 + 10 * 2);
    expect(cost('{ generations { edges { cursor } } }')).toBe(100 + 20 * 2);
  });

  it.each([
    ['a literal', '{ generations(first: 50) { edges { cursor } } }', {}],
    ['a variable', 'query ($n: Int!) { generations(first: $n) { edges { cursor } } }', { n: 50 }],
    ['a variable’s default', 'query ($n: Int! = 50) { generations(first: $n) { edges { cursor } } }', {}],
  ])('count a length given by %s', (_, query, variables) => {
    expect(cost(query, variables)).toBe(200);
  });

  it('count what hides behind aliases, fragments and directives', () => {
    const aliases = Array.from({ length: 30 }, (_, index) => `a${index}: prompt`).join(' ');
    const tooMuch = /The operation costs 30300, and may cost at most 15000/;
    expect(() => check(`{ generations(first: 100) { edges { node { ${aliases} } } } }`)).toThrow(tooMuch);
    const fragment = `fragment f on Generation { ${aliases} }`;
    expect(() => check(`{ generations(first: 100) { edges { node { ...f } } } } ${fragment}`)).toThrow(tooMuch);
    const inline = `{ generations(first: 100) { edges { node { ... on Generation { ${aliases} } } } } }`;
    expect(() => check(inline)).toThrow(tooMuch);
    const skipped = `query ($no: Boolean!) { generation(id: "x") { id prompt @include(if: $no) } }`;
    expect(cost(skipped, { no: false })).toBe(101);
    expect(cost(skipped, { no: true })).toBe(111);
  });

  it('let only so many roots into one operation', () => {
    const looks = Array.from({ length: 151 }, (_, index) => `a${index}: cancelGeneration(id: $id) { id }`).join(' ');
    expect(() => check(`mutation ($id: ID!) { ${looks} }`, { id: 'x' })).toThrow('costs 15251');
    const requests = Array.from({ length: 30 }, (_, i) => `a${i}: requestGeneration(input: {prompt: "x"}) { id }`);
    expect(() => check(`mutation { ${requests.join(' ')} }`)).toThrow('costs 15030');
  });

  it('hold fragments that multiply', () => {
    const bombs = Array.from({ length: 40 }, (_, i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`).join(
      ' ',
    );
    const query = `{ ...f0 } ${bombs} fragment f40 on Query { models { id } }`;
    const begun = performance.now();
    expect(mistakes(query)).toEqual([]);
    expect(() => check(query)).toThrow('maximum allowed number of nodes');
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it('hold depth, and say how much', () => {
    expect(mistakes(nested(10))).toEqual([]);
    expect(mistakes(nested(11))).toEqual(['Query depth limit of 10 exceeded, found 11.']);
    const inFragment =
      '{ __type(name: "x") { ...f } } fragment f on __Type ' + nested(11).slice('{ __type(name: "x") '.length, -2);
    expect(mistakes(inFragment)).toEqual(['Query depth limit of 10 exceeded, found 11.']);
  });

  it('hold the length of the document', () => {
    expect(() => parse(`{ ${'id '.repeat(2_500)} }`, PARSE_OPTIONS)).toThrow('2000 tokens');
    expect(() => parse('{a'.repeat(100_000), PARSE_OPTIONS)).toThrow('2000 tokens');
  });
});
