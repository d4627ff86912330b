import { Migration } from '@mikro-orm/migrations';

/**
 * The tables of all read models. Names carry no schema: the migrator sets the one it was asked for, the live one or
 * the one of a rebuild. Columns beside `state` are there to be filtered and sorted by.
 */
export class ReadModels0001 extends Migration {
  override readonly name = '0001-read-models';

  up(): void {
    this.addSql(`
      CREATE TABLE generations (
        id           uuid        PRIMARY KEY,
        user_id      text        NOT NULL,
        status       text        NOT NULL,
        model_id     text        NOT NULL,
        created_at   timestamptz NOT NULL,
        scheduled_at timestamptz,
        completed_at timestamptz,
        batch_id     text,
        metadata     jsonb       NOT NULL,
        version      integer     NOT NULL,
        position     bigint      NOT NULL,
        state        jsonb       NOT NULL
      )`);
    this.addSql(`CREATE INDEX generations_by_time ON generations (created_at DESC, id DESC)`);
    this.addSql(`CREATE INDEX generations_by_user ON generations (user_id, created_at DESC, id DESC)`);
    this.addSql(`CREATE INDEX generations_by_status ON generations (status, created_at DESC, id DESC)`);
    this.addSql(`CREATE INDEX generations_by_model ON generations (model_id, created_at DESC, id DESC)`);
    this.addSql(`CREATE INDEX generations_by_batch ON generations (batch_id) WHERE batch_id IS NOT NULL`);
    this.addSql(`CREATE INDEX generations_by_metadata ON generations USING gin (metadata jsonb_path_ops)`);

    this.addSql(`
      CREATE TABLE images (
        id            uuid        PRIMARY KEY,
        generation_id uuid        NOT NULL,
        user_id       text        NOT NULL,
        model_id      text        NOT NULL,
        index         integer     NOT NULL,
        storage_key   text        NOT NULL,
        format        text        NOT NULL,
        content_type  text        NOT NULL,
        width         integer     NOT NULL,
        height        integer     NOT NULL,
        bytes         bigint      NOT NULL,
        sha256        text        NOT NULL,
        blurhash      text        NOT NULL,
        created_at    timestamptz NOT NULL,
        position      bigint      NOT NULL
      )`);
    this.addSql(`CREATE INDEX images_by_generation ON images (generation_id)`);
    this.addSql(`CREATE INDEX images_by_user ON images (user_id, created_at DESC, id DESC)`);

    this.addSql(`
      CREATE TABLE usage_daily (
        day       date    NOT NULL,
        user_id   text    NOT NULL,
        model_id  text    NOT NULL,
        requested bigint  NOT NULL,
        completed bigint  NOT NULL,
        failed    bigint  NOT NULL,
        cancelled bigint  NOT NULL,
        images    bigint  NOT NULL,
        bytes     bigint  NOT NULL,
        cost_usd  numeric NOT NULL,
        PRIMARY KEY (day, user_id, model_id)
      )`);

    this.addSql(`
      CREATE TABLE projection_checkpoint (
        projection text        PRIMARY KEY,
        log_id     text        NOT NULL,
        position   bigint      NOT NULL,
        updated_at timestamptz NOT NULL
      )`);
  }

  override down(): void {
    this.addSql(`DROP TABLE generations, images, usage_daily, projection_checkpoint`);
  }
}
