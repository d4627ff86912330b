import { Migration } from '@mikro-orm/migrations';

/** Requests since version 2 say when they are of no more use, and how many of their user's run at once. */
export class Deadlines0003 extends Migration {
  override readonly name = '0003-deadlines';

  up(): void {
    const added = `'{"runningSince": null}'::jsonb`;
    const request = `(state::jsonb -> 'request') || '{"deadline": null, "concurrency_limit": null}'::jsonb`;
    this.addSql(`UPDATE generations SET state = (${added} || jsonb_set(state::jsonb, '{request}', ${request}))::json`);
  }

  override down(): void {
    // What an older release does not know, it does not read.
  }
}
