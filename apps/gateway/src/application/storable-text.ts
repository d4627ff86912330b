const LONE_SURROGATE = /\p{Surrogate}/u;

/** Whether Postgres and UTF-8 can hold a text: it has neither U+0000 nor half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return !text.includes('\u0000') && !LONE_SURROGATE.test(text);
}
