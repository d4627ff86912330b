import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { eventually } from '../../../../test/support/eventually.js';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.js';
import { migrateReadModels } from './migrate.js';
import { openReadModels } from './open-read-models.js';
import { inTransaction } from './transaction.js';
import { ReadModelUnavailable } from './unavailable.js';

const FIRST_PAGE = { userId: null, limit: 10, cursor: null, now: '2026-01-01T00:00:00.000Z' };

/** The way to a server, which can be made to swallow everything without closing: a host that is gone or frozen. */
class Way {
  frozen = false;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly to: { host: string; port: number }) {
    this.server = createServer((client) => {
      const upstream = connect(to);
      const pairs = [
        [client, upstream],
        [upstream, client],
      ] as const;
      for (const [from, into] of pairs) {
        this.sockets.add(from);
        from.on('data', (data) => this.frozen || into.write(data));
        from.on('error', () => undefined);
        from.on('close', () => {
          this.sockets.delete(from);
          into.destroy();
        });
      }
    });
  }

  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.sockets.size / 2;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

describe('openReadModels', () => {
  let postgres: TestPostgres;
  let way: Way;
  let url: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    const address = new URL(postgres.url);
    way = new Way({ host: address.hostname, port: Number(address.port) });
    address.port = String(await way.open());
    url = address.href;
  });
  afterAll(async () => {
    way.close();
    await postgres.remove();
  });

  it('opens, and answers "unavailable", while Postgres is down or has no tables; and works when it has', async () => {
    await postgres.stop();
    const models = await openReadModels({ url: postgres.url });
    const migrating = migrateReadModels({ url: postgres.url, schema: 'other' });
    await expect(models.check()).rejects.toThrow(ReadModelUnavailable);
    await expect(models.generations.list(FIRST_PAGE)).rejects.toThrow(ReadModelUnavailable);
    await expect(models.positions.waitFor(1, 5_000)).rejects.toThrow(ReadModelUnavailable);
    const days = { userId: null, from: '2026-01-01', to: '2026-01-31', by: 'day' } as const;
    await expect(models.usage.usage(days)).rejects.toThrow(ReadModelUnavailable);

    await postgres.start();
    await migrating;
    await expect(models.check()).rejects.toThrow(ReadModelUnavailable);
    await migrateReadModels({ url: postgres.url });
    await models.check();
    expect(await models.generations.list(FIRST_PAGE)).toEqual({ rows: [], nextCursor: null, position: 0 });
    await models.close();
  });

  it('gives up on a Postgres that says nothing any more, and drops those connections', async () => {
    await migrateReadModels({ url: postgres.url });
    const models = await openReadModels({ url, poolSize: 2, timeoutMs: 300 });
    await Promise.all([models.check(), models.check()]);
    way.frozen = true;
    const began = performance.now();
    const answers = await Promise.allSettled(Array.from({ length: 4 }, () => models.generations.list(FIRST_PAGE)));
    expect(performance.now() - began).toBeLessThan(4_000);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 'rejected', reason: expect.any(ReadModelUnavailable) });
    }
    await eventually(() => way.connections === 0);
    way.frozen = false;
    await models.check();
    await models.close();
  });

  it('gives up on a slow statement', async () => {
    const models = await openReadModels({ url: postgres.url, timeoutMs: 300 });
    const locker = await openReadModels({ url: postgres.url });
    await inTransaction(locker.em, async (em) => {
      await em.execute('LOCK TABLE read_model.generations IN ACCESS EXCLUSIVE MODE');
      await expect(models.generations.list(FIRST_PAGE)).rejects.toThrow(ReadModelUnavailable);
    });
    expect((await models.generations.list(FIRST_PAGE)).rows).toEqual([]);
    await Promise.all([models.close(), locker.close()]);
  });
});
