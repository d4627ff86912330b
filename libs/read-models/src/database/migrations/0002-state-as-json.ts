import { Migration } from '@mikro-orm/migrations';

/**
 * `state` is read and written as a whole and never searched, and jsonb takes Postgres twice as long to write. As json it
 * also keeps the order of the keys.
 */
export class StateAsJson0002 extends Migration {
  override readonly name = '0002-state-as-json';

  up(): void {
    this.addSql(`ALTER TABLE generations ALTER COLUMN state TYPE json`);
  }

  override down(): void {
    this.addSql(`ALTER TABLE generations ALTER COLUMN state TYPE jsonb`);
  }
}
