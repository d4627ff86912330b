import parseRange from 'range-parser';

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
  const { range, 'if-range': ifRange } = headers;
  if (range === undefined || (ifRange !== undefined && ifRange !== etag)) return 'whole';
  const ranges = parseRange(size, range);
  if (ranges === -1) return 'unsatisfiable';
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return 'whole';
  const [{ start, end } = { start: 0, end: size - 1 }] = ranges;
  return { start, end };
}
