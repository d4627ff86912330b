/**
 * Whether the client has this version already (RFC 9110, section 13.1.2). Unlike the npm package `fresh` it heeds no
 * `Cache-Control: no-cache` of the request, which fetch adds to every request with this header.
 */
export function hasVersion(ifNoneMatch: string | undefined, etag: string): boolean {
  return (ifNoneMatch ?? '')
    .split(',')
    .map((candidate) => candidate.trim().replace(/^W\//, ''))
    .some((candidate) => candidate === '*' || candidate === etag);
}
