export type RequestedRange = { readonly start: number; readonly end: number } | 'whole' | 'unsatisfiable';

/**
 * Which bytes (both ends included) of an unchanging file are asked for (RFC 9110, section 14). A range that is
 * malformed, of another unit, of several parts, or meant for another version of the file is answered with the whole.
 */
export function requestedRange(
  headers: { readonly range?: string; readonly 'if-range'?: string | string[] },
  size: number,
  etag: string,
): RequestedRange {
  const ifRange = headers['if-range'];
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(headers.range ?? '') ?? [];
  if ((first === '' && last === '') || (ifRange !== undefined && ifRange !== etag)) return 'whole';
  // Without a first byte it is a number of bytes at the end.
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return 'whole';
  return start > end ? 'unsatisfiable' : { start, end };
}
