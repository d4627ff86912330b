import { execFile } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ImageError } from '../measure-image.js';
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

/**
 * Draws a sanitised SVG, in a process of its own: what a drawing takes of time and memory cannot be told beforehand, and
 * native code can only be stopped with its process. It gets nothing of our environment.
 * @throws ImageError `too_complex` after the time limit, `corrupt` when it cannot be drawn; the signal's reason
 */
export async function drawSvg(text: string, options: DrawOptions): Promise<Pixels> {
  const { width, height, timeoutMs = 20_000, signal } = options;
  const bytes = width * height * CHANNELS;
  const data = await new Promise<Buffer>((resolve, reject) => {
    const child = execFile(
      process.execPath,
      ['--max-old-space-size=64', PROGRAM, ...[width, height, timeoutMs].map(String)],
      { encoding: 'buffer', env: {}, maxBuffer: bytes, timeout: timeoutMs, killSignal: 'SIGKILL', signal },
      (error, stdout, stderr) => {
        if (signal?.aborted) reject(signal.reason as Error);
        // By itself, by us, or for want of memory.
        else if (error?.signal === 'SIGKILL')
          reject(new ImageError('too_complex', `The SVG was not drawn within ${timeoutMs} ms`));
        else if (error)
          reject(new ImageError('corrupt', `The SVG cannot be drawn: ${lastLine(stderr)}`, { cause: error }));
        else resolve(stdout);
      },
    );
    // A process that ends before it has read everything says why itself.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(text);
  });
  if (data.length !== bytes) throw new ImageError('corrupt', 'The SVG was not drawn whole');
  return { data, width, height, channels: CHANNELS };
}

function lastLine(output: Buffer): string {
  return output.toString().trim().split('\n').at(-1) ?? '';
}
