import { types } from 'node:util';

/** Failures of connecting and of TLS: not one byte of the HTTP request was written. */
const BEFORE_SENDING = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/**
 * True when a failed `fetch` certainly sent nothing. `fetch` hides the reason in `cause`; a host with several addresses
 * fails with one error for each, of which all must be of this kind.
 */
export function failedBeforeSending(error: unknown): boolean {
  if (!types.isNativeError(error)) return false;
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) {
    return error.errors.every(failedBeforeSending);
  }
  if ('syscall' in error && error.syscall === 'connect') return true;
  if ('code' in error && typeof error.code === 'string' && BEFORE_SENDING.has(error.code)) return true;
  return error.cause !== undefined && failedBeforeSending(error.cause);
}

/** The innermost reason of a failed `fetch`, which by itself says no more than "fetch failed". */
export function reasonOf(error: unknown): string {
  if (!types.isNativeError(error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return error.message === '' ? (code ?? error.name) : error.message;
}
