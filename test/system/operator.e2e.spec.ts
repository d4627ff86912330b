import { DEFAULT_MODEL_ID, MODELS } from '@darkroom/domain';
import { CONTROL_BUCKET, WORK_STREAM } from '@darkroom/events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { eventually } from '../support/eventually.js';
import { darkroom } from './darkroom.js';
import { scenario, System } from './system.js';

interface Finding {
  readonly level: string;
  readonly subject: string;
  readonly message: string;
  readonly todo?: string;
}

describe('the commands of an operator', () => {
  let system: System;
  beforeAll(async () => {
    // No sweeper: what is lost here is for the operator to find.
    const workerEnv = { WORKER_ROLES: 'dispatch,generate,download,project' };
    system = await System.start({ ownPostgres: true, workerEnv });
  }, 60_000);
  afterAll(() => system.stop());

  /** What a command answered: exit code and everything it printed. */
  async function run(...args: string[]): Promise<[number | null, string]> {
    const env = { NATS_URL: system.nats.url, DATABASE_URL: system.databaseUrl };
    const command = darkroom(env, ...args);
    const code = await command.ended;
    return [code, command.output()];
  }

  /** What `doctor` finds besides what is in order. */
  async function doctor(): Promise<{ code: number | null; findings: Finding[] }> {
    const [code, output] = await run('doctor', '--json');
    const findings = JSON.parse(output.slice(0, output.lastIndexOf(']') + 1)) as Finding[];
    expect(findings.length).toBeGreaterThan(0);
    return { code, findings: findings.filter(({ level }) => level !== 'ok') };
  }

  async function atNats<T>(work: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    const connection = await connect({ servers: system.nats.url });
    try {
      return await work(await jetstreamManager(connection));
    } finally {
      await connection.close();
    }
  }

  /** So many pieces of work are in the queue. */
  const queued = (count: number) =>
    atNats(({ streams }) => eventually(async () => (await streams.info(WORK_STREAM)).state.messages === count));

  const projected = async () => (await system.as('alice')).list((await system.log()).last);

  it('are named by --help', async () => {
    const [code, output] = await run('--help');
    expect(code).toBe(0);
    for (const command of ['doctor', 'stuck', 'redrive', 'pause', 'resume', 'models', 'rebuild']) {
      expect(output).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
  });

  scenario(
    'doctor finds nothing wrong with a system at work',
    () => system,
    async () => {
      await (await system.as('alice')).completed((await (await system.as('alice')).request({ prompt: 'first' })).id);
      const [code, output] = await run('doctor');
      expect([code, output.match(/^(warning|problem).*$/gm)]).toEqual([0, null]);
      expect(output).toMatch(/^ok {6}\| projection: reflects the log up to position \d+ of \d+$/m);
      expect(output).toMatch(/^ok {6}\| queue generate: 0 wait, 0 in hand$/m);
    },
  );

  scenario(
    'pause holds a stage at once, over restarts, while requests are accepted; resume lets it go on',
    () => system,
    async () => {
      const alice = await system.as('alice');
      expect(await run('pause', 'generate', '--note', 'an incident at the provider')).toEqual([
        0,
        expect.stringMatching(/^generate is paused\..*darkroom resume generate\n$/),
      ]);
      const { id } = await alice.request({ prompt: 'held back' });
      await queued(1);
      const [worker] = system.workers;
      await worker!.end('SIGKILL');
      await system.nats.restart();
      await worker!.start();
      await eventually(async () => {
        const metrics = await (await fetch(`${worker!.url}/metrics`)).text();
        expect(metrics).toMatch(/^darkroom_stage_paused\{stage="generate",reason="operator"\} 1$/m);
        expect(metrics).toMatch(/^darkroom_stage_paused\{stage="download",reason="operator"\} 0$/m);
        expect(metrics).toMatch(/^darkroom_queue_depth\{stage="generate",lane="normal"\} 1$/m);
        return true;
      });
      expect((await alice.get(id)).status).toBe('queued');
      expect(await run('pause', 'generate')).toEqual([
        0,
        expect.stringMatching(/^generate was paused already, since /),
      ]);
      expect(await doctor()).toEqual({
        code: 0,
        findings: [
          {
            level: 'warning',
            subject: 'queue generate',
            message: expect.stringMatching(/^paused by an operator since .* \(an incident at the provider\); 1 wait/),
            todo: 'darkroom resume generate',
          },
        ],
      });
      expect(await run('resume', 'generate')).toEqual([0, 'generate goes on.\n']);
      await alice.completed(id);
      expect(await run('resume', 'generate')).toEqual([0, 'generate was not held.\n']);
      expect(await run('pause', 'paint')).toEqual([2, expect.stringMatching(/Allowed choices are generate, download/)]);
    },
    90_000,
  );

  scenario(
    'models switches one off within a second, over restarts of everything, and leaves it to the catalogue again',
    () => system,
    async () => {
      const alice = await system.as('alice');
      const [gateway] = system.gateways;
      const model = DEFAULT_MODEL_ID;
      const request = () => alice.send('/v1/generations', { json: { prompt: 'which model?' } });
      const answers = (status: number) => eventually(async () => (await request()).status === status);

      await run('pause', 'generate');
      const { id } = await alice.request({ prompt: 'accepted before' });
      expect(await run('models', 'off', model, '--note', 'it draws nonsense')).toEqual([
        0,
        expect.stringMatching(new RegExp(`^${model} is switched off: .* darkroom models on ${model}\n$`)),
      ]);
      const begun = performance.now();
      await answers(422);
      expect(performance.now() - begun).toBeLessThan(1_000);
      expect((await request()).json).toMatchObject({
        code: 'unknown_model',
        errors: [{ field: 'model_id', message: `${model} is switched off by an operator (it draws nonsense)` }],
      });

      await gateway!.end('SIGKILL');
      await system.nats.restart();
      await gateway!.start();
      await system.settled();
      expect((await request()).status).toBe(422);
      const [, list] = await run('models');
      expect(list).toMatch(
        new RegExp(`^${model} +switched off by an operator since \\S+Z \\(it draws nonsense\\)$`, 'm'),
      );
      expect(list).toMatch(/^\S+ +retired \(.+\); instead: \S+$/m);
      expect(list.trimEnd().split('\n')).toHaveLength(MODELS.length + 1);
      expect((await doctor()).findings).toContainEqual({
        level: 'warning',
        subject: 'models',
        message: expect.stringMatching(new RegExp(`^${model} is switched off since .* \\(it draws nonsense\\)$`)),
        todo: `darkroom models on ${model}`,
      });
      expect(await run('models', 'off', model)).toEqual([
        0,
        expect.stringMatching(new RegExp(`^${model} was switched off already, since `)),
      ]);

      await run('resume', 'generate');
      await alice.completed(id);
      expect(await run('models', 'on', model)).toEqual([0, `${model} is offered again.\n`]);
      await answers(202);
      expect(await run('models', 'on', model)).toEqual([0, `${model} was not switched off.\n`]);
      expect(await run('models', 'off', 'who/knows')).toEqual([2, expect.stringMatching(/There is no such model/)]);
    },
    90_000,
  );

  scenario(
    'models offers one that is retired, at the operator’s risk, until it is reset',
    () => system,
    async () => {
      const alice = await system.as('alice');
      const { id, availability } = MODELS.find((model) => model.availability.state === 'retired')!;
      const active = (value: boolean) =>
        eventually(async () => (await alice.send(`/v1/models/${id}`)).json.active === value);
      expect(await run('models', 'on', id, '--note', 'one customer has an agreement')).toEqual([
        0,
        expect.stringMatching(
          new RegExp(`^${id} is offered, although it is retired .* darkroom models reset ${id}\n$`),
        ),
      ]);
      await active(true);
      expect(JSON.parse((await run('models', '--json'))[1])).toContainEqual(
        expect.objectContaining({
          id,
          active: true,
          state: 'retired',
          switched: 'on',
          since: expect.any(String),
          note: 'one customer has an agreement',
        }),
      );
      expect(await run('models', 'reset', id)).toEqual([
        0,
        `${id} is ${availability.state} again, as the catalogue has it.\n`,
      ]);
      await active(false);
      expect(await run('models', 'reset', id)).toEqual([0, `${id} was not switched.\n`]);
    },
    90_000,
  );

  scenario(
    'stuck names what waits without work, and sends it on',
    () => system,
    async () => {
      const alice = await system.as('alice');
      await run('pause', 'generate');
      const { id } = await alice.request({ prompt: 'its work is lost' });
      await projected();
      await queued(1);
      expect(JSON.parse((await run('stuck', '--idle', '1ms', '--json'))[1])).toEqual([]);
      await atNats(({ streams }) => streams.purge(WORK_STREAM));
      expect(await run('stuck')).toEqual([0, 'Nothing is stuck.\n']);
      expect(JSON.parse((await run('stuck', '--idle', '1ms', '--json'))[1])).toMatchObject([
        { id, user_id: 'alice', status: 'queued', stage: 'generate', attempt: 0, code: 'lost', released: false },
      ]);
      const [code, output] = await run('stuck', '--idle', '1ms', '--release');
      expect([code, output]).toEqual([0, expect.stringMatching(/Sent on\.\n1 stuck, 1 of them sent on\.\n$/)]);
      expect(await run('stuck', '--idle', '1ms')).toEqual([0, 'Nothing is stuck.\n']);
      await run('resume', 'generate');
      await alice.completed(id);
    },
    90_000,
  );

  scenario(
    'redrive sends one on whose work is lost, begins a failed one anew, and says why it cannot do more',
    () => system,
    async () => {
      const alice = await system.as('alice');
      await run('pause', 'generate');
      const { id } = await alice.request({ prompt: 'one by one' });
      await queued(1);
      expect(await run('redrive', id)).toEqual([0, `${id} is queued, and there is work of it: nothing to do.\n`]);
      await atNats(({ streams }) => streams.purge(WORK_STREAM));
      expect(await run('redrive', id)).toEqual([0, `${id} waited for generate without work: it is sent on.\n`]);
      await run('resume', 'generate');
      await alice.completed(id);
      expect(await run('redrive', id)).toEqual([1, `darkroom: ${id} is completed: that is final.\n`]);
      const nobody = '019b0000-0000-7000-8000-000000000000';
      expect(await run('redrive', nobody)).toEqual([1, `darkroom: There is no generation ${nobody}.\n`]);
      expect(await run('redrive', 'x')).toEqual([2, expect.stringMatching(/It is not the id of a generation/)]);
      expect(await run('redrive')).toEqual([2, expect.stringMatching(/name an id, or --since, --code or --stage/)]);
      expect(await run('redrive', id, '--since', '1h')).toEqual([2, expect.stringMatching(/not both/)]);
      expect(await run('redrive', '--since', 'soon')).toEqual([
        2,
        expect.stringMatching(/a length of time such as 1h/),
      ]);
    },
    90_000,
  );

  scenario(
    'redrive begins anew what failed for a reason, and doctor names that reason before',
    () => system,
    async () => {
      const alice = await system.as('alice');
      await system.simulator.fault({ kind: 'run_failure', match: { prompt: 'refused' }, times: 3 });
      const failing = await Promise.all(
        [1, 2, 3].map((n) => alice.request({ prompt: `refused ${n}`, max_attempts: 1 })),
      );
      const ids = failing.map(({ id }) => id);
      await eventually(async () => {
        for (const id of ids) expect((await alice.get(id)).status).toBe('failed');
        return true;
      });
      await projected();
      const { error } = await alice.get(ids[0]!);
      const { code, findings } = await doctor();
      expect(code).toBe(0);
      expect(findings).toEqual([
        {
          level: 'warning',
          subject: 'failed, last hour',
          message: `3 at generate with ${error!.code}`,
          todo: expect.stringContaining(`darkroom redrive --since 1h --code ${error!.code}`),
        },
      ]);
      const filters = ['--since', '1h', '--code', error!.code];
      expect(await run('redrive', ...filters, '--dry-run')).toEqual([
        0,
        `3 failed at generate with ${error!.code}\n3 of 3 would begin anew.\n`,
      ]);
      expect(await run('redrive', '--since', '1h', '--code', 'internal')).toEqual([0, 'Nothing failed like that.\n']);
      expect((await run('redrive', ...filters, '--limit', '1'))[1]).toMatch(/\n1 of 3 begin anew\.\n$/);
      await projected();
      expect((await run('redrive', ...filters))[1]).toMatch(/\n2 of 2 begin anew\.\n$/);
      for (const id of ids) await alice.completed(id);
    },
    90_000,
  );

  scenario(
    'doctor says what is wrong, and what to do',
    () => system,
    async () => {
      const alice = await system.as('alice');
      const [worker] = system.workers;
      await run('pause', 'download');
      await worker!.end('SIGTERM');
      const { id } = await alice.request({ prompt: 'nobody is there' });
      await atNats(async ({ consumers, streams }) => {
        await consumers.delete(WORK_STREAM, 'download-low');
        await streams.delete(`KV_${CONTROL_BUCKET}`);
      });
      const [code, output] = await run('doctor');
      expect(code).toBe(1);
      expect(output).toMatch(/^problem \| nats consumer download-low: is missing -> start a gateway or a worker/m);
      expect(output).toMatch(/^problem \| nats bucket CONTROL: is missing/m);
      await worker!.start();
      await run('resume', 'download');
      await alice.completed(id);
      await worker!.end('SIGTERM');

      const waiting = await alice.request({ prompt: 'nobody is there again' });
      const unserved = await doctor();
      expect(unserved.code).toBe(1);
      expect(unserved.findings).toEqual(
        expect.arrayContaining([
          {
            level: 'problem',
            subject: 'dispatch',
            message: 'nobody serves it; 1 facts wait to be turned into work',
            todo: 'start a worker with the role dispatch (WORKER_ROLES)',
          },
        ]),
      );
      await worker!.start();
      await alice.completed(waiting.id);
    },
    90_000,
  );

  scenario(
    'doctor tells of each server that is away, and of what can be seen without it',
    () => system,
    async () => {
      await system.postgres!.stop();
      const withoutPostgres = await doctor();
      expect(withoutPostgres).toEqual({
        code: 1,
        findings: [expect.objectContaining({ level: 'problem', subject: 'postgres' })],
      });
      await system.nats.kill9();
      const [code, output] = await run('doctor');
      expect(code).toBe(1);
      expect(output).toMatch(/^problem \| nats: NATS does not answer at .* -> see that nats-server runs/m);
      expect(output).toMatch(/^problem \| postgres: .*ECONNREFUSED.* -> see that PostgreSQL runs/m);
      expect(output).toMatch(/darkroom: 2 problems found\.\n$/);
    },
    90_000,
  );
});
