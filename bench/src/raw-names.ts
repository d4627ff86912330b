/** Where the raw sides append: a stream configured as EVENTS is, beside it on the same server. */
export const RAW_STREAM = 'RAW';

export function rawSubject(id: string): string {
  return `raw.${id}`;
}
