import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './compose-file.js';
import { readRules, readText } from './monitoring-files.js';
import { findProgram, PROMTOOL } from './programs.js';

const { path: program, why } = await findProgram(PROMTOOL);

(program ? describe : describe.skip)(`promtool${why}`, () => {
  const promtool = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(program!, args, {
      cwd: join(ROOT, 'deploy/prometheus'),
      encoding: 'utf8',
    });
    return { status, said: stdout + stderr };
  };

  it('takes the configuration and the rules', () => {
    expect(promtool('check', 'config', 'prometheus.yml')).toMatchObject({ status: 0 });
    expect(promtool('check', 'rules', '--lint-fatal', 'rules.yml', 'alerts.yml')).toMatchObject({ status: 0 });
  });

  it('sees each alert fire when it should, and not when it should not', () => {
    expect(promtool('test', 'rules', 'alerts.test.yml')).toEqual({
      status: 0,
      said: expect.stringContaining('SUCCESS'),
    });
  });
});

describe('alerts.test.yml', () => {
  it('is about every alert', () => {
    const tests = readText('deploy/prometheus/alerts.test.yml');
    const alerts = readRules().flatMap(({ alert }) => alert ?? []);
    expect(alerts.filter((alert) => !new RegExp(`alertname: ${alert}\\n +exp_alerts:\\n`).test(tests))).toEqual([]);
    expect(alerts.filter((alert) => !tests.includes(`alertname: ${alert}, exp_alerts: []`))).toEqual([]);
  });
});
