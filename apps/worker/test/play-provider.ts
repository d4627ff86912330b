import type { Command } from '@darkroom/domain';
import type { CommandRunner } from '@darkroom/events';
import { randomUUID } from 'node:crypto';

type WithoutCommon<C> = C extends Command ? Omit<C, 'commandId' | 'at'> : never;

/** Does all that happens to a generation until its images can be fetched, from these addresses. */
export async function playGenerated(runner: CommandRunner, id: string, outputs: readonly string[]): Promise<void> {
  const execute = async (command: WithoutCommon<Command>): Promise<number> => {
    const common = { commandId: randomUUID(), at: new Date().toISOString() };
    const outcome = await runner.execute(id, { ...command, ...common });
    if (outcome.kind === 'rejected') throw new Error(outcome.rejection.message);
    return outcome.state.version;
  };
  const fence = await execute({ type: 'StartAttempt', stage: 'generate', worker: 'test', deadline: null });
  const prediction = { provider: 'replicate', predictionId: randomUUID(), deadline: null, adopted: false };
  await execute({ type: 'RecordPrediction', fence, ...prediction });
  await execute({
    type: 'RecordGenerated',
    fence,
    outputs,
    outputsExpireAt: new Date(Date.now() + 3_600_000).toISOString(),
    metrics: { predict_time: 1, total_time: 1 },
    seed: 7,
    actualCostUsd: null,
  });
}
