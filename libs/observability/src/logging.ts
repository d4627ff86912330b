import { Injectable, type DynamicModule } from '@nestjs/common';
import { Logger as PinoLogger, LoggerModule } from 'nestjs-pino';
import { stdTimeFunctions, type DestinationStream, type LevelWithSilent, type LoggerOptions } from 'pino';
import { logContext } from './log-context.js';

export interface LoggingOptions {
  readonly level: LevelWithSilent;
  /** Which app writes, e.g. `gateway`. */
  readonly service: string;
  /** Where the lines go; standard output when left out. */
  readonly stream?: DestinationStream;
}

/** What Nest tells of its own start, module by module and route by route. */
const START_OF_NEST = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'GraphQLModule']);

/** Pino for Nest, with the details of Nest's own start at the level `debug`. */
@Injectable()
export class Logger extends PinoLogger {
  override log(message: unknown, ...parameters: unknown[]): void {
    const context = parameters.at(-1);
    if (typeof context === 'string' && START_OF_NEST.has(context)) super.debug(message, ...parameters);
    else super.log(message, ...parameters);
  }
}

const SECRETS = ['authorization', 'cookie', '["set-cookie"]'].flatMap((header) => {
  const key = header.startsWith('[') ? header : `.${header}`;
  return [key.replace(/^\./, ''), `*${key}`, `*.headers${key}`];
});

/** One JSON object a line, with the fields of the log context and without secrets. */
function pinoOptions({ level, service }: LoggingOptions): LoggerOptions {
  return {
    level,
    base: { service, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRETS, censor: '[redacted]' },
    mixin: () => ({ ...logContext() }),
  };
}

/**
 * Pino as Nest's logger: `app.useLogger(app.get(Logger))`, then Nest's own `Logger` everywhere. Lines per HTTP request
 * are the app's to write: only it knows what of a request may be shown.
 */
export function loggingModule(options: LoggingOptions): DynamicModule {
  const logger = { ...pinoOptions(options), autoLogging: false };
  const module = LoggerModule.forRoot({ pinoHttp: options.stream ? [logger, options.stream] : logger, forRoutes: [] });
  return {
    ...module,
    providers: [...(module.providers ?? []), Logger],
    exports: [...(module.exports ?? []), Logger],
  };
}
