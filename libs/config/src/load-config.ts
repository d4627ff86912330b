import { z } from 'zod';

/** The environment holds values that the app cannot start with. `lines` names each, one line per bad value. */
export class ConfigError extends Error {
  constructor(readonly lines: readonly string[]) {
    super(lines.join('\n'));
    this.name = 'ConfigError';
  }
}

/**
 * Reads and checks environment variables. An empty string counts as unset, as in compose files (`FOO=`).
 * @throws ConfigError naming every bad value at once
 */
export function parseEnvironment<S extends z.ZodObject>(
  schema: S,
  env: Readonly<Record<string, string | undefined>>,
): z.output<S> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues.map((issue) => {
      const name = String(issue.path[0] ?? 'environment');
      return given[name] === undefined ? `${name} is not set: ${issue.message}` : `${name}: ${issue.message}`;
    }),
  );
}

/** For an app's main file: the configuration, or one line per bad value on stderr and exit code 1. */
export function loadConfig<S extends z.ZodObject>(schema: S, env: NodeJS.ProcessEnv = process.env): z.output<S> {
  try {
    return parseEnvironment(schema, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(error.lines.map((line) => `Bad configuration: ${line}\n`).join(''));
    process.exit(1);
  }
}
