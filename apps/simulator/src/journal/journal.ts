import { Injectable } from '@nestjs/common';
import { appendFileSync, closeSync, createReadStream, existsSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { formatEntry, type JournalEntry, parseEntry } from './journal-entry.js';

const FILE = 'journal.ndjson';
const NEWLINE = 0x0a;

/**
 * What a simulator that is killed would forget, one line each in the order in which it happened. An entry is written
 * before what it says takes effect. It is handed to the operating system, not forced to disk: the end of the process
 * loses nothing, the end of the machine may. Until it is opened it keeps nothing.
 */
@Injectable()
export class Journal {
  #fd: number | undefined;
  #size = 0;

  /**
   * Reads what a former process left, which `take` gets entry by entry, and goes on after it. A last line without its
   * end, of a process that was killed while it wrote, is dropped: nobody was answered what it says.
   * @throws Error for any other line that is not an entry
   */
  async open(folder: string, take: (entry: JournalEntry) => void): Promise<void> {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, FILE);
    this.#size = existsSync(file) ? await readEntries(file, take) : 0;
    this.#fd = openSync(file, 'a');
    ftruncateSync(this.#fd, this.#size);
  }

  /** @throws Error when it cannot be written, on a full disk for one; the journal then holds nothing of it */
  append(entry: JournalEntry): void {
    if (this.#fd === undefined) return;
    const line = Buffer.from(formatEntry(entry));
    try {
      appendFileSync(this.#fd, line);
    } catch (error) {
      ftruncateSync(this.#fd, this.#size);
      throw error;
    }
    this.#size += line.length;
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#fd === undefined) return;
    ftruncateSync(this.#fd, 0);
    this.#size = 0;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

/** Bytes of the whole lines. */
async function readEntries(file: string, take: (entry: JournalEntry) => void): Promise<number> {
  let [size, lines, rest] = [0, 0, Buffer.alloc(0)];
  for await (const chunk of createReadStream(file, { highWaterMark: 1_024 * 1_024 }) as AsyncIterable<Buffer>) {
    const bytes = Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      lines += 1;
      take(entryOf(bytes.toString('utf8', start, end), `${file}:${lines}`));
      start = end + 1;
    }
    size += start;
    rest = bytes.subarray(start);
  }
  return size;
}

function entryOf(line: string, place: string): JournalEntry {
  try {
    return parseEntry(line);
  } catch (error) {
    throw new Error(`${place} is no entry of the simulator's journal; remove the file to begin anew`, { cause: error });
  }
}
