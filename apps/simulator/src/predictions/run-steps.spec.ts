import { describe, expect, it } from '@jest/globals';
import { findModel } from '@darkroom/domain';
import { faultSchema, type FaultInput, type RunFault } from '../control/fault.schema.js';
import type { PredictionPlan } from './prediction.js';
import { runSteps } from './run-steps.js';

const fluxSchnell = findModel('black-forest-labs/flux-schnell')!;
const sdxl = findModel('stability-ai/sdxl')!;

const plan: PredictionPlan = {
  id: 'p1',
  model: fluxSchnell,
  input: { prompt: 'x' },
  seed: 1,
  createdAt: new Date(0),
  webhookEvents: [],
  runMs: 1_000,
};
const begin = { kind: 'begin', at: new Date(200) };
const end = (ms: number, status: string, error: string | null = null, hasOutput = false) => ({
  kind: 'end',
  at: new Date(ms),
  status,
  error,
  hasOutput,
});
const by = (fault: FaultInput) => ({ fault: faultSchema.parse(fault) as RunFault });
const until = (ms: number) => ({ deadline: new Date(ms) });

describe('runSteps', () => {
  it.each<[string, Partial<PredictionPlan>, readonly object[]]>([
    ['undisturbed', {}, [begin, end(1_000, 'succeeded', null, true)]],
    ['of a failure', by({ kind: 'run_failure', error: 'NSFW' }), [begin, end(1_000, 'failed', 'NSFW')]],
    ['without output', by({ kind: 'run_null_output' }), [begin, end(1_000, 'succeeded')]],
    ['aborted', by({ kind: 'run_aborted' }), [end(200, 'aborted')]],
    ['without end', by({ kind: 'run_never_finishes' }), [begin]],
    [
      'into an unknown end',
      by({ kind: 'run_unknown_status', status: 'odd', terminal: true }),
      [begin, end(1_000, 'odd')],
    ],
    [
      'into an unknown status, up to the deadline',
      { ...by({ kind: 'run_unknown_status', status: 'odd' }), ...until(5_000) },
      [begin, { kind: 'turn', at: new Date(1_000), status: 'odd' }, end(5_000, 'canceled')],
    ],
    [
      'too large',
      { model: sdxl, input: { width: 5_000, height: 5_000 } },
      [begin, end(1_000, 'failed', 'CUDA out of memory')],
    ],
    ['with a deadline after its end', until(1_000), [begin, end(1_000, 'succeeded', null, true)]],
    ['with a deadline before its end', until(999), [begin, end(999, 'canceled')]],
    ['with a deadline before its begin', until(199), [end(199, 'aborted')]],
    [
      'without end, with a deadline',
      { ...by({ kind: 'run_never_finishes' }), ...until(5_000) },
      [begin, end(5_000, 'canceled')],
    ],
    [
      'that ignores its deadline',
      { ...by({ kind: 'run_never_finishes', ignores_deadline: true }), ...until(5_000) },
      [begin],
    ],
  ])('of a run %s', (_name, change, expected) => {
    expect(runSteps({ ...plan, ...change })).toEqual(expected);
  });
});
