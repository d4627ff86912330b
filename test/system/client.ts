import type { GenerationView } from '@darkroom/domain';
import { SignJWT } from 'jose';
import { eventually } from '../support/eventually.js';

export const JWT_SECRET = 'a secret of the tests, 32 bytes!';
export const ADMIN_KEY = 'an-operators-key-of-the-tests';

export interface SendOptions {
  readonly method?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, said to be JSON unless the headers say otherwise. */
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** Whatever the server sent: the test says what it expects. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly json: any;
}

export interface HistoryEntry {
  readonly type: string;
  readonly version: number;
  readonly position: number;
}

/** Somebody who uses the API over HTTP. */
export class Client {
  /** @param authorization null sends no credentials */
  constructor(
    private readonly url: string,
    private readonly authorization: string | null,
  ) {}

  async send(path: string, options: SendOptions = {}): Promise<Answer> {
    const body = options.json === undefined ? options.body : JSON.stringify(options.json);
    const response = await fetch(this.url + path, {
      method: options.method ?? (body === undefined ? 'GET' : 'POST'),
      body: Buffer.isBuffer(body) ? Uint8Array.from(body) : body,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(this.authorization !== null && { authorization: this.authorization }),
        ...options.headers,
      },
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const json: unknown = isJson ? JSON.parse(bytes.toString()) : undefined;
    return { status: response.status, headers: response.headers, bytes, json };
  }

  /** Asks for a generation; anything but 202 is an error. */
  async request(body: object, headers: Readonly<Record<string, string>> = {}): Promise<GenerationView> {
    return this.#expect(202, '/v1/generations', { json: body, headers });
  }

  async get(id: string): Promise<GenerationView> {
    return this.#expect(200, `/v1/generations/${id}`);
  }

  async history(id: string): Promise<HistoryEntry[]> {
    return (await this.#expect<{ data: HistoryEntry[] }>(200, `/v1/generations/${id}/history`)).data;
  }

  /** Waits for a generation's end, whichever. */
  ended(id: string, timeoutMs = 30_000): Promise<GenerationView> {
    return eventually(
      async () => {
        const now = await this.get(id);
        if (['completed', 'failed', 'cancelled'].includes(now.status)) return now;
        throw new Error(`${now.status} since ${JSON.stringify((await this.history(id)).at(-1))}`);
      },
      { timeoutMs, what: `the end of generation ${id}` },
    );
  }

  /** Waits for a generation's good end; a bad one is an error at once. */
  async completed(id: string, timeoutMs?: number): Promise<GenerationView> {
    const seen = await this.ended(id, timeoutMs);
    if (seen.status === 'completed') return seen;
    throw new Error(`Generation ${id} is ${seen.status}: ${JSON.stringify(seen.error)}`);
  }

  /** Every page of the list, once the list reflects the log up to `minPosition`. */
  async list(minPosition = 0): Promise<GenerationView[]> {
    const generations: GenerationView[] = [];
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ limit: '30', min_position: String(minPosition), ...(cursor && { cursor }) });
      const page: { data: GenerationView[]; next_cursor: string | null } = await this.#expect(
        200,
        `/v1/generations?${query.toString()}`,
      );
      generations.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return generations;
  }

  async #expect<T>(status: number, path: string, options?: SendOptions): Promise<T> {
    const answer = await this.send(path, options);
    if (answer.status === status) return answer.json as T;
    throw new Error(`${path} was answered ${answer.status} and not ${status}: ${answer.bytes.toString()}`);
  }
}

export async function tokenOf(user: string, claims: object = {}): Promise<string> {
  const token = new SignJWT({ ...claims, sub: user }).setProtectedHeader({ alg: 'HS256' });
  return token.sign(new TextEncoder().encode(JWT_SECRET));
}
