import { describe, expect, it } from '@jest/globals';
import { pointsToPrivateNetwork } from './private-url.js';

describe('pointsToPrivateNetwork', () => {
  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.0.0.1/',
    'http://0177.0.0.1/',
    'http://0.0.0.0/',
    'http://10.1.2.3/',
    'http://172.16.0.1/',
    'http://192.168.1.1:8080/x',
    'http://169.254.169.254/latest/meta-data',
    'http://100.64.0.1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://[::1]/',
    'http://[::]/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[::7f00:1]/',
    'http://[2002:a00:1::]/',
    'http://127.0.0.1./',
    'http://0300.0250.1.1/',
    'http://0xa9fea9fe/',
    'http://localhost/',
    'http://LOCALHOST./',
    'http://db.localhost/',
    'http://metadata.google.internal/',
    'http://printer.local/',
    'http://postgres:5432/',
    'http://①②⑦.0.0.1/',
    'http://user:pass@127.0.0.1/',
  ])('%s does', (url) => {
    expect(pointsToPrivateNetwork(url)).toBe(true);
  });

  it.each([
    'https://example.com/a.png',
    'http://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'https://localhost.example.com/',
    'https://internal.example.com/',
    'https://xn--bcher-kva.example/',
  ])('%s does not', (url) => {
    expect(pointsToPrivateNetwork(url)).toBe(false);
  });
});
