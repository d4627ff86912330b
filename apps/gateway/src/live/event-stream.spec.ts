import { describe, expect, it } from '@jest/globals';
import type { GenerationView } from '@darkroom/domain';
import { text } from 'node:stream/consumers';
import { EventStream, STREAM_TIMING } from './event-stream.js';

async function* views(...told: readonly (readonly [position: number, progress: number])[]) {
  for (const [position, progress] of told) yield { position, progress } as GenerationView;
}

async function linesOf(source: AsyncIterable<GenerationView>, known: number | null): Promise<string[]> {
  const written = await text(new EventStream(source, known, STREAM_TIMING, new AbortController().signal));
  return written.split('\n').filter((line) => /^(id|data):/.test(line));
}

describe('EventStream', () => {
  it('gives each position as an id once: what has only come further cannot be resumed at', async () => {
    expect(await linesOf(views([7, 10], [7, 30], [9, 80], [9, 90]), null)).toEqual([
      'id: 7',
      'data: {"position":7,"progress":10}',
      'data: {"position":7,"progress":30}',
      'id: 9',
      'data: {"position":9,"progress":80}',
      'data: {"position":9,"progress":90}',
    ]);
  });

  it('does not give the position again that the client resumes at', async () => {
    expect(await linesOf(views([7, 30], [9, 80]), 7)).toEqual([
      'data: {"position":7,"progress":30}',
      'id: 9',
      'data: {"position":9,"progress":80}',
    ]);
  });
});
