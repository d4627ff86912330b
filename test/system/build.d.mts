/** A digest of every file that the build reads; `dist/.built-from` holds the one that `dist` was built from. */
export function fingerprintOf(projectRoot: string): string;
