const REPLICATE_API_HOST = 'api.replicate.com';
/** Where Replicate keeps the files that its models make. */
const REPLICATE_FILE_DOMAIN = '.replicate.delivery';

/**
 * The value of the Authorization header to send with a download of `url`, or undefined when the host must not see the
 * token: only Replicate's own hosts (over HTTPS) and the origin of the configured base URL may. Ask again for each
 * redirect.
 */
export function authorizationFor(
  url: string,
  provider: { readonly baseUrl: string; readonly token: string },
): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const target = new URL(url);
  const own = target.origin === new URL(provider.baseUrl).origin;
  const replicates =
    target.protocol === 'https:' &&
    target.port === '' &&
    (target.hostname === REPLICATE_API_HOST || target.hostname.endsWith(REPLICATE_FILE_DOMAIN));
  return own || replicates ? `Bearer ${provider.token}` : undefined;
}
