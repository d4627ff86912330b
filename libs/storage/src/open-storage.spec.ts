import { describe, expect, it } from '@jest/globals';
import { LocalStorage } from './local-storage.js';
import { openStorage } from './open-storage.js';
import { S3Storage } from './s3-storage.js';

describe('openStorage', () => {
  it.each(['file:/var/images', 'file:data/images', 'file:./images', 'file:///var/images'])(
    '%s is a folder',
    async (url) => {
      expect(await openStorage(url)).toBeInstanceOf(LocalStorage);
    },
  );

  it.each(['s3://images', 's3://images?region=eu-central-1', 's3://images?endpoint=http://127.0.0.1:9000&region=x'])(
    '%s is a bucket',
    async (url) => {
      expect(await openStorage(url)).toBeInstanceOf(S3Storage);
    },
  );

  it.each([
    ['', 'neither file: nor s3:'],
    ['/var/images', 'neither file: nor s3:'],
    ['gs://images', 'neither file: nor s3:'],
    ['file:', 'no folder'],
    ['file://elsewhere/images', 'host'],
    ['s3:', 'bucket'],
    ['s3://', 'bucket'],
    ['s3://A_B', 'bucket'],
    ['s3://images/prefix', 'only a bucket'],
    ['s3://images:9000', 'only a bucket'],
    ['s3://images?endpoint=minio:9000', 'endpoint'],
    ['s3://images?acl=public', 'acl'],
    ['s3://key:secret@images', 'credentials'],
  ])('%j is refused: %s', async (url, reason) => {
    await expect(openStorage(url)).rejects.toThrow(
      expect.objectContaining({ code: 'invalid_url', message: expect.stringContaining(reason) }),
    );
  });

  it('never repeats a secret in its message', async () => {
    await expect(openStorage('s3://key:hidden@images')).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hidden') }),
    );
  });
});
