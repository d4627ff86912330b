import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WorkerFixture } from './worker-fixture.js';

const MANY = 200;

describe('a provider that cuts the connection after each create', () => {
  let fixture: WorkerFixture;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
  });
  afterAll(() => fixture.stop());

  it(`${MANY} times: ${MANY} generations complete, and ${MANY} predictions were made`, async () => {
    const { control } = fixture.simulator;
    control.configure({ runMs: 200 });
    control.fault({ kind: 'reset_after_create', times: MANY });
    await fixture.startWorker();
    await fixture.startWorker();
    const ids = await Promise.all(
      // A quarter of them ask for what another one asks for, too.
      Array.from({ length: MANY }, (_, index) =>
        fixture.request({ prompt: `cut off ${index % 4 === 0 ? 'again' : index}`, width: 256, height: 256 }),
      ),
    );
    const ended = [];
    // One after the other: all at once would keep the broker busier than the workers do.
    for (const id of ids) ended.push(await fixture.ended(id, 120_000));
    expect(ended.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
    expect(ended.map(({ spent }) => spent.generate)).toEqual(ids.map(() => 1));
    expect(control.counters()).toMatchObject({ creates_received: MANY, predictions_created: MANY });
    // One read tells all who look at the same time.
    expect(control.counters().lists).toBeLessThan(MANY);
    const predictions = ended.map(({ generated }) => generated?.prediction_id);
    expect(new Set(predictions).size).toBe(MANY);
    await fixture.queueIsEmpty();
  }, 150_000);
});
