import { describe, expect, it } from '@jest/globals';
import { authorizationFor } from './authorization.js';

const provider = { baseUrl: 'http://simulator.local:3002/v1', token: 'r8_secret' };

describe('authorizationFor', () => {
  it.each([
    'https://api.replicate.com/v1/files/1/download',
    'https://replicate.delivery.replicate.delivery/x',
    'https://pbxt.replicate.delivery/a/out-0.png',
    'http://simulator.local:3002/files/1/out-0.webp',
  ])('gives the token to %s', (url) => {
    expect(authorizationFor(url, provider)).toBe('Bearer r8_secret');
  });

  it.each([
    'http://pbxt.replicate.delivery/a.png',
    'https://evil-replicate.delivery/a.png',
    'https://replicate.delivery.evil.example/a.png',
    'https://api.replicate.com.evil.example/',
    'https://api.replicate.com:8443/',
    'https://api.replicate.com@evil.example/',
    'http://simulator.local:3003/files/1',
    'https://simulator.local:3002/files/1',
    'data:image/png;base64,AA==',
    'no url',
  ])('keeps it from %s', (url) => {
    expect(authorizationFor(url, provider)).toBeUndefined();
  });
});
