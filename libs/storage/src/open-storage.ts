import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ImageStorage, StorageError } from './image-storage.js';
import { LocalStorage } from './local-storage.js';
import type { S3Credentials, S3Options } from './s3-storage.js';

/**
 * Opens the storage that a URL names; touches neither disk nor network (that is `check()`).
 * - `file:/absolute/folder`, `file:relative/folder` (from the working directory), `file:///absolute/folder`
 * - `s3://bucket?region=…` for AWS, `s3://bucket?endpoint=https://…&region=…` for a compatible service
 *
 * Without explicit credentials, S3 uses the AWS SDK's standard chain: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and
 * AWS_SESSION_TOKEN), shared config files, SSO, web identity, container and instance roles.
 * @throws StorageError `invalid_url` for anything else
 */
export async function openStorage(url: string, credentials?: S3Credentials): Promise<ImageStorage> {
  if (url.startsWith('file:')) return new LocalStorage(folderOf(url));
  if (url.startsWith('s3:')) {
    const options = { ...bucketOf(url), credentials };
    // Only now: the AWS SDK takes 30 MB of memory.
    const { S3Storage } = await import('./s3-storage.js');
    return new S3Storage(options);
  }
  throw invalid(url, 'the scheme is neither file: nor s3:');
}

function folderOf(url: string): string {
  const path = url.slice('file:'.length);
  if (path === '') throw invalid(url, 'there is no folder in it');
  if (!path.startsWith('//')) return resolve(path);
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw invalid(url, (error as Error).message);
  }
}

function bucketOf(url: string): Pick<S3Options, 'bucket' | 'endpoint' | 'region'> {
  if (!URL.canParse(url)) throw invalid(url, 'it does not parse');
  const { hostname: bucket, pathname, port, username, password, hash, searchParams } = new URL(url);
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) throw invalid(url, 'the bucket is missing or misnamed');
  if (username || password) throw invalid(url, 'credentials come from the environment, never from the URL');
  if ((pathname !== '' && pathname !== '/') || port || hash) throw invalid(url, 'only a bucket may stand before the ?');
  for (const name of searchParams.keys())
    if (name !== 'endpoint' && name !== 'region') throw invalid(url, `the parameter ${name} is unknown`);
  const endpoint = searchParams.get('endpoint') ?? undefined;
  const region = searchParams.get('region') ?? undefined;
  if (endpoint !== undefined && !isHttpUrl(endpoint)) throw invalid(url, 'the endpoint is not an http or https URL');
  return { bucket, endpoint, region };
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol);
}

function invalid(url: string, reason: string): StorageError {
  const shown = url.replace(/\/\/[^/?#]*@/, '//***@');
  return new StorageError('invalid_url', `Storage URL ${JSON.stringify(shown)}: ${reason}`);
}
