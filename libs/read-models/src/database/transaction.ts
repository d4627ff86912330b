import type { EntityManager } from '@mikro-orm/postgresql';
import type { IsolationLevel } from 'kysely';

/**
 * Runs `work` in a transaction, with an entity manager that is bound to it; commits when it returns, rolls back when
 * it throws. To be used instead of `em.transactional`, which stands on Kysely's controlled transactions: those never
 * give their connection back when BEGIN or ROLLBACK fails, so every outage would take some of the pool with it.
 */
export async function inTransaction<T>(
  em: EntityManager,
  work: (em: EntityManager) => Promise<T>,
  { isolation = 'read committed', readOnly = false }: { isolation?: IsolationLevel; readOnly?: boolean } = {},
): Promise<T> {
  return em
    .getKysely()
    .transaction()
    .setIsolationLevel(isolation)
    .setAccessMode(readOnly ? 'read only' : 'read write')
    .execute((transaction) => {
      const bound = em.fork();
      bound.setTransactionContext(transaction);
      return work(bound);
    });
}
