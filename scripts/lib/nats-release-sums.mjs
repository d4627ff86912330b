/** The release that is fetched where a machine has no nats-server. */
export const RELEASE = '2.14.5';

/**
 * SHA-256 of its archives, as the NATS project's own image definition states them (nats-io/nats-docker,
 * 2.14.x/alpine3.22/Dockerfile). Other platforms are checked against the list that is published beside the archive.
 *
 * @type {Record<string, string>}
 */
export const PINNED_SUMS = {
  'nats-server-v2.14.5-linux-amd64.tar.gz': '5e3b603d47c447bda1f77f9ac16dbf91c90aac4ff3681f8fbbc7201e4ed99355',
  'nats-server-v2.14.5-linux-arm64.tar.gz': '673a98d3faa79dde3f9ebf16d6dfac36a5f694e7ad2015e4954dd7939c85cd4c',
};
