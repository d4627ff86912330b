import { describe, expect, it } from '@jest/globals';
import { uploadKey } from './upload-key.js';

const sha256 = 'ab'.repeat(32);

describe('uploadKey', () => {
  it('depends on the owner, the content and the format, and names the owner to nobody', () => {
    const key = uploadKey({ userId: 'alice@example.com', sha256, format: 'png' });
    expect(key).toMatch(new RegExp(`^uploads/[0-9a-f]{32}/${sha256}\\.png$`));
    expect(uploadKey({ userId: 'alice@example.com', sha256, format: 'png' })).toBe(key);
    expect(uploadKey({ userId: 'bob@example.com', sha256, format: 'png' })).not.toBe(key);
  });

  it.each(['', 'AB'.repeat(32), `../${sha256}`, sha256.slice(1)])('refuses the hash %j', (wrong) => {
    expect(() => uploadKey({ userId: 'alice', sha256: wrong, format: 'png' })).toThrow(
      expect.objectContaining({ code: 'invalid_key' }),
    );
  });
});
