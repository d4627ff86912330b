import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { isAnswerTo, type SentImage } from './is-answer-to.js';
import type { Prediction } from './provider.port.js';

const [mine, others] = [Buffer.from('mine'), Buffer.from('somebody else’s')];
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
const dataUri = (content: Buffer, type = 'image/png'): string => `data:${type};base64,${content.toString('base64')}`;
const address = 'https://example.com/a.png';
const file_url = 'https://api.replicate.com/v1/files/mine';

const prediction = (input: Record<string, unknown>): Prediction => ({
  id: 'p',
  model: 'owner/name',
  status: 'succeeded',
  input,
  outputs: [],
  dataRemoved: false,
  error: null,
  logs: '',
  createdAt: '2026-01-01T00:00:00.000Z',
  completedAt: null,
  deadline: null,
  predictTime: null,
  totalTime: null,
});

describe('isAnswerTo', () => {
  it('compares model and input, whatever the order of the keys', () => {
    const asked = { model: 'owner/name', input: { prompt: 'x', seed: 0 } };
    expect(isAnswerTo(prediction({ seed: 0, prompt: 'x' }), asked)).toBe(true);
    expect(isAnswerTo(prediction({ seed: 1, prompt: 'x' }), asked)).toBe(false);
    expect(isAnswerTo(prediction({ seed: 0, prompt: 'x' }), { ...asked, model: 'owner/other' })).toBe(false);
  });

  describe('of an input with an image', () => {
    const asked = { model: 'owner/name', input: { prompt: 'x', image: address } };
    const inline = [{ address, sha256: sha256(mine), file_url: null }];
    const asFile = [{ address, sha256: sha256(mine), file_url }];
    const is = (image: unknown, sent: readonly SentImage[] = inline): boolean =>
      isAnswerTo(prediction({ prompt: 'x', image }), { ...asked, sent });

    it('knows a data URI by its bytes, however it is spelt', () => {
      expect(is(dataUri(mine))).toBe(true);
      expect(is(dataUri(mine, 'application/octet-stream'))).toBe(true);
      expect(is(`data:image/png;charset=x;base64,${mine.toString('base64')}`)).toBe(true);
      expect(is('data:,mine')).toBe(true);
    });

    it('knows the file that was sent', () => {
      expect(is(file_url, asFile)).toBe(true);
      expect(is(dataUri(mine), asFile)).toBe(true);
      expect(is('https://api.replicate.com/v1/files/other', asFile)).toBe(false);
    });

    it('takes no other for it: not one of other bytes, not a part, not what it cannot read', () => {
      for (const image of [
        dataUri(others),
        dataUri(mine).slice(0, -4),
        file_url,
        'https://replicate.delivery/x',
        null,
      ]) {
        expect(is(image)).toBe(false);
      }
      expect(isAnswerTo(prediction({ prompt: 'x' }), { ...asked, sent: inline })).toBe(false);
      expect(isAnswerTo(prediction({ prompt: 'y', image: dataUri(mine) }), { ...asked, sent: inline })).toBe(false);
    });

    it('looks into lists, and heeds their order', () => {
      const second = 'storage:uploads/b.png';
      const sent = [...asFile, { address: second, sha256: sha256(others), file_url: null }];
      const listed = { model: 'owner/name', input: { prompt: address, images: [address, second] }, sent };
      expect(isAnswerTo(prediction({ prompt: address, images: [file_url, dataUri(others)] }), listed)).toBe(true);
      expect(isAnswerTo(prediction({ prompt: address, images: [dataUri(others), file_url] }), listed)).toBe(false);
    });
  });
});
