import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

export const ROOT = resolve(import.meta.dirname, '../..');

export interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly profiles?: readonly string[];
  readonly volumes: readonly string[];
  readonly networks: readonly string[];
  readonly ports: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>> | readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, object>>;
}

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * docker-compose.yml as Compose reads it with these variables.
 * @throws Error for a variable that is required and not given
 */
export function readCompose(variables: Variables): Compose {
  const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
  const file = interpolated(parse(text, { merge: true }), variables) as Compose;
  const services = Object.entries(file.services).map(([name, service]) => {
    const { environment = {}, volumes = [], ports = [], networks } = service;
    const texts = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)]));
    return [name, { ...service, environment: texts, volumes, ports, networks }] as const;
  });
  return { ...file, services: Object.fromEntries(services) };
}

/** What the Dockerfile puts into the environment of everything that runs in the image. */
export function imageEnvironment(): Record<string, string> {
  const text = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  return Object.fromEntries([...text.matchAll(/^ENV (\w+)="?(.*?)"?$/gm)].map(([, name, value]) => [name!, value!]));
}

/** Names of all variables that docker-compose.yml asks for. */
export function composeVariables(): string[] {
  const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
  return [...new Set([...text.matchAll(/(?<!\$)\$\{(\w+)/g)].map(([, name]) => name!))].sort();
}

/** The variables of a `.env` file. */
export function readEnvFile(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

function interpolated(value: unknown, variables: Variables): unknown {
  if (typeof value === 'string') return interpolate(value, variables);
  if (Array.isArray(value)) return value.map((each) => interpolated(each, variables));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, interpolated(each, variables)]));
}

/** `${A}`, `${A:-default}`, `${A:?what to do}` and `$$`, as https://docs.docker.com/reference/compose-file/interpolation/ */
function interpolate(text: string, variables: Variables): string {
  return text.replace(
    /\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})/g,
    (all: string, name?: string, operator?: string, word: string = '') => {
      if (name === undefined) return '$';
      const given = variables[name];
      if (given) return given;
      if (operator === '?') throw new Error(`required variable ${name} is missing a value: ${word}`);
      if (operator === undefined && given === undefined) throw new Error(`${all} has no default`);
      return operator === '-' ? word : '';
    },
  );
}
