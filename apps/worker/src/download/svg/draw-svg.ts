import { bulkhead } from 'cockatiel';
import { execFile, type ExecFileException } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ImageError } from '../decode-image.js';
import type { Pixels } from '../pixels.js';

export interface DrawOptions {
  readonly width: number;
  readonly height: number;
  /** Default 20 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Beside this file, as source or compiled. */
const PROGRAM = fileURLToPath(new URL(`./draw-svg.main${extname(import.meta.url)}`, import.meta.url));
const CHANNELS = 4;

/** Processes at once: each takes some 60 MB and a processor. */
const fewAtOnce = bulkhead(2, Number.POSITIVE_INFINITY);

/**
 * Draws a sanitised SVG, in a process of its own: what a drawing takes of time and memory cannot be told beforehand, and
 * native code can only be stopped with its process. It gets nothing of our environment.
 * @throws ImageError `too_complex` after the time limit, `corrupt` when it cannot be drawn; the signal's reason; what the
 * system says when it has no process to give
 */
export async function drawSvg(text: string, options: DrawOptions): Promise<Pixels> {
  const { width, height } = options;
  const data = await fewAtOnce.execute(() => run(text, options));
  if (data.length !== width * height * CHANNELS) throw new ImageError('corrupt', 'The SVG was not drawn whole');
  return { data, width, height, channels: CHANNELS };
}

/** What the program has written. */
async function run(text: string, options: DrawOptions): Promise<Buffer> {
  const { width, height, timeoutMs = 20_000, signal } = options;
  signal?.throwIfAborted();
  const args = ['--max-old-space-size=64', PROGRAM, ...[width, height, timeoutMs].map(String)];
  const maxBuffer = width * height * CHANNELS;
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      args,
      { encoding: 'buffer', env: {}, maxBuffer, timeout: timeoutMs, killSignal: 'SIGKILL', signal },
      (error, stdout, stderr) => {
        if (signal?.aborted) reject(signal.reason as Error);
        else if (error) reject(failureOf(error, stderr, timeoutMs));
        else resolve(stdout);
      },
    );
    // A process that ends before it has read everything says why itself.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(text);
  });
}

function failureOf(error: ExecFileException, stderr: Buffer, timeoutMs: number): Error {
  // By itself, by us, or for want of memory.
  if (error.signal === 'SIGKILL') return new ImageError('too_complex', `The SVG was not drawn within ${timeoutMs} ms`);
  const ended = typeof error.code === 'number' || typeof error.signal === 'string';
  if (!ended) return error;
  const said = stderr.toString().trim().split('\n').at(-1) ?? '';
  return new ImageError('corrupt', `The SVG cannot be drawn: ${said}`, { cause: error });
}
