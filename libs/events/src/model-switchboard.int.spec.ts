import type { ModelSwitches } from '@darkroom/domain';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Kvm } from '@nats-io/kv';
import { eventually } from '../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { connectBroker, type Broker } from './connect.js';
import { ModelSwitchboard } from './model-switchboard.js';
import { provision } from './provision.js';
import { CONTROL_BUCKET, MODEL_SWITCHES_KEY } from './subjects.js';

describe('ModelSwitchboard', () => {
  let nats: TestNats;
  let broker: Broker;
  let board: ModelSwitchboard;
  beforeAll(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
    board = await ModelSwitchboard.open(broker);
  });
  afterAll(async () => {
    await broker.close();
    await nats.stop();
  });

  /** Collects what a watch says, until it ends. */
  function watch(stop: AbortController) {
    const heard: ModelSwitches[] = [];
    const ended = (async () => {
      for await (const switches of board.watch(stop.signal)) heard.push(switches);
    })();
    return { heard, ended, last: () => Object.fromEntries(heard.at(-1) ?? []) };
  }

  async function emptied(): Promise<void> {
    for (const id of (await board.read()).keys()) await board.reset(id);
  }

  it('holds nothing at first', async () => {
    expect(await board.read()).toEqual(new Map());
    expect(await board.reset('a/b')).toBeNull();
  });

  it('keeps what was switched, since when and why; a reset leaves no trace of it', async () => {
    expect(await board.set('a/b-1.1', 'off', 'an incident')).toBeNull();
    const [[id, first] = []] = await board.read();
    expect([id, first]).toEqual(['a/b-1.1', { to: 'off', note: 'an incident', since: expect.any(String) }]);
    expect(Date.now() - Date.parse(first!.since)).toBeLessThan(60_000);

    expect(await board.set('a/b-1.1', 'off', null)).toEqual(first);
    expect((await board.read()).get('a/b-1.1')).toEqual(first);
    await board.set('a/b-1.1', 'off', 'it lasts');
    expect((await board.read()).get('a/b-1.1')).toEqual({ ...first, note: 'it lasts' });
    await board.set('a/b-1.1', 'on', null);
    expect((await board.read()).get('a/b-1.1')).toMatchObject({ to: 'on', note: null });
    expect(await board.reset('a/b-1.1')).toMatchObject({ to: 'on' });
    expect(await board.read()).toEqual(new Map());
  });

  it('loses nothing of what many operators switch at once', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `many/${index}`);
    const boards = await Promise.all(ids.map(() => ModelSwitchboard.open(broker)));
    await Promise.all(ids.map((id, index) => boards[index]!.set(id, 'off', id)));
    expect([...(await board.read()).keys()].sort()).toEqual([...ids].sort());
    await Promise.all(ids.map((id, index) => boards[index]!.reset(id)));
    expect(await board.read()).toEqual(new Map());
  });

  it('tells a watch what is switched now, and within a second what changes', async () => {
    await board.set('a/before', 'off', null);
    const stop = new AbortController();
    const { heard, ended, last } = watch(stop);
    await eventually(() => heard.length === 1);
    expect(Object.keys(last())).toEqual(['a/before']);
    const begun = performance.now();
    await board.set('a/now', 'on', 'at our risk');
    await eventually(() => last()['a/now']?.note === 'at our risk');
    await board.reset('a/before');
    await eventually(() => !('a/before' in last()));
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(heard).toHaveLength(3);
    stop.abort();
    await ended;
    await emptied();
  });

  it('a watch ends when the connection is lost, and the next one begins with what was missed', async () => {
    await board.set('a/kept', 'off', 'over a restart');
    const lost = watch(new AbortController());
    await eventually(() => lost.heard.length === 1);
    await nats.kill9();
    await lost.ended;
    await expect(watch(new AbortController()).ended).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(board.read()).rejects.toMatchObject({ kind: 'unavailable' });
    await nats.restart();
    await eventually(async () => (await board.read()).get('a/kept')?.note === 'over a restart');
    const stop = new AbortController();
    const next = watch(stop);
    await eventually(() => 'a/kept' in next.last());
    stop.abort();
    await next.ended;
    await emptied();
  });

  it('a watch ends when nobody wants it any more, also while it begins', async () => {
    for (const turns of [0, 1, 5, 20]) {
      const stop = new AbortController();
      const { ended } = watch(stop);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      stop.abort();
      await ended;
    }
  });

  it.each([
    ['no JSON', 'off', []],
    ['no object', '7', []],
    ['nothing', 'null', []],
    ['odd entries', '{"a/odd": 1, "a/none": null, "a/half": {"to": "sideways"}, "a/timeless": {"to": "off"}}', []],
    ['more than is known', '{"a/more": {"to": "off", "since": "2030-01-01T00:00:00Z", "until": 1}}', ['a/more']],
  ])('leaves out what it cannot understand: %s', async (_, text, ids) => {
    const bucket = await new Kvm(broker.jetstream).open(CONTROL_BUCKET);
    await bucket.put(MODEL_SWITCHES_KEY, text);
    expect([...(await board.read()).keys()]).toEqual(ids);
    await board.set('a/anew', 'off', null);
    expect([...(await board.read()).keys()]).toEqual([...ids, 'a/anew']);
    await emptied();
  });

  it('an emptied bucket leaves every model to the catalogue', async () => {
    await board.set('a/b', 'off', null);
    const stop = new AbortController();
    const { last, heard, ended } = watch(stop);
    await eventually(() => heard.length === 1);
    await (await new Kvm(broker.jetstream).open(CONTROL_BUCKET)).delete(MODEL_SWITCHES_KEY);
    await eventually(() => Object.keys(last()).length === 0);
    expect(await board.read()).toEqual(new Map());
    stop.abort();
    await ended;
  });
});
