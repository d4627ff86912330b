import { Migration } from '@mikro-orm/migrations';

/**
 * Requests since version 3 say which images they start from and resemble, images since version 2 which smaller ones there
 * are of them, and attempts since version 2 what was sent.
 */
export class Sources0004 extends Migration {
  override readonly name = '0004-sources';

  up(): void {
    const input = `'{"source_image_id": null, "reference_image_urls": []}'::jsonb || (state::jsonb #> '{request,input}')`;
    const images = `(
      SELECT coalesce(jsonb_agg('{"thumbnails": []}'::jsonb || image ORDER BY place), '[]')
      FROM jsonb_array_elements(state::jsonb -> 'images') WITH ORDINALITY AS stored(image, place)
    )`;
    const attempt = (name: string): string => `CASE jsonb_typeof(state::jsonb -> '${name}')
      WHEN 'object' THEN '{"sentImages": []}'::jsonb || (state::jsonb -> '${name}')
      ELSE 'null' END`;
    const added = `jsonb_build_object(
      'images', ${images}, 'current', ${attempt('current')}, 'unresolved', ${attempt('unresolved')}
    )`;
    this.addSql(
      `UPDATE generations SET state = (jsonb_set(state::jsonb, '{request,input}', ${input}) || ${added})::json`,
    );
  }

  override down(): void {
    // What an older release does not know, it does not read.
  }
}
