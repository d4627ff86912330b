import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { imageIdOf, type EventData, type FieldError } from '@darkroom/domain';
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import sharp from 'sharp';
import { hostileUrls, localNames, unfetchableUrls } from '../../../../test/support/hostile-urls.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NO_POSTGRES, startGateway, type TestGateway } from '../../test/gateway-fixture.js';
import { sendGraphql } from '../../test/graphql.js';
import { completeGeneration, lastPosition } from '../../test/play-worker.js';
import * as answers from './answers.schema.js';

const prompt = 'a lighthouse';
const ONE = 'black-forest-labs/flux-dev';
const SEVERAL = 'bytedance/seedream-4';
const PUBLIC = 'https://example.com/a.png';

describe('sources of a generation', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let content: Buffer;

  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({
      NATS_URL: nats.url,
      DATABASE_URL: NO_POSTGRES,
      PUBLIC_URL: 'http://localhost:3000',
    });
    await gateway.ready();
    const create = { width: 8, height: 8, channels: 3, background: 'red' } as const;
    content = await sharp({ create }).png().toBuffer();
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  const ask = (json: object, user = 'alice') => gateway.send('/v1/generations', { json: { prompt, ...json }, user });

  async function uploaded(user = 'alice'): Promise<{ id: string; url: string }> {
    const headers = { 'content-type': 'image/png' };
    const { json } = await gateway.send('/v1/uploads', { method: 'POST', body: content, headers, user });
    return json as { id: string; url: string };
  }

  async function imageOf(user = 'alice', claims = {}): Promise<string> {
    const { json } = await gateway.send('/v1/generations', { json: { prompt }, user, claims });
    return completeGeneration(gateway, json.id, content);
  }

  async function stored(id: string): Promise<EventData['GenerationRequested']> {
    const { events } = await gateway.log.store.load(id);
    return events[0]!.data as EventData['GenerationRequested'];
  }

  const fieldsOf = (json: { errors?: FieldError[] }) => (json.errors ?? []).map(({ field }) => field);
  const keyOf = (user: string): string => {
    const owner = createHash('sha256').update(user).digest('hex').slice(0, 32);
    return `uploads/${owner}/${createHash('sha256').update(content).digest('hex')}.png`;
  };

  describe('are accepted', () => {
    it('by a public address, which the worker will fetch', async () => {
      const { status, json } = await ask({ model_id: ONE, source_image_url: PUBLIC });
      expect(status).toBe(202);
      expect(answers.generation.parse(json)).toMatchObject({
        source_image_url: PUBLIC,
        source_image_id: null,
        reference_image_urls: [],
      });
      expect((await stored(json.id)).provider_input).toMatchObject({ image: PUBLIC });
    });

    it('from an upload: the client sees its address again, the worker the place in the storage', async () => {
      const { url } = await uploaded();
      const { status, json } = await ask({ model_id: ONE, source_image_url: url });
      expect(status).toBe(202);
      expect(json.source_image_url).toBe(url);
      const { input, provider_input } = await stored(json.id);
      expect(input.source_image_url).toBe(url);
      expect(provider_input).toMatchObject({ image: `storage:${keyOf('alice')}` });
    });

    it.each(['by its id', 'by its address'])('from an image of an earlier generation, %s', async (way) => {
      const id = await imageOf();
      const { url } = (await gateway.send(`/v1/images/${id}`)).json as { url: string };
      const given = way === 'by its id' ? { source_image_id: id } : { source_image_url: url };
      const { status, json } = await ask({ model_id: ONE, ...given });
      expect(status).toBe(202);
      expect(json).toMatchObject({ source_image_url: null, source_image_id: null, ...given });
      const { provider_input } = await stored(json.id);
      expect(provider_input).toMatchObject({ image: expect.stringMatching(/^storage:images\/.*\/0\.png$/) });
    });

    it('several, in their order, of every kind', async () => {
      const [{ url }, id] = [await uploaded(), await imageOf()];
      const references = [PUBLIC, url];
      const { status, json } = await ask({
        model_id: SEVERAL,
        source_image_id: id,
        reference_image_urls: references,
      });
      expect(status).toBe(202);
      expect(json.reference_image_urls).toEqual(references);
      const { provider_input } = await stored(json.id);
      expect(Object.values(provider_input)).toContainEqual([
        expect.stringMatching(/^storage:images\//),
        PUBLIC,
        `storage:${keyOf('alice')}`,
      ]);
    });

    it('through GraphQL as through REST', async () => {
      const [{ url }, id] = [await uploaded(), await imageOf()];
      const input = { prompt, modelId: SEVERAL, sourceImageId: id, referenceImageUrls: [url] };
      const mutation = `mutation ($input: GenerationInput!) {
        it: requestGeneration(input: $input) { id sourceImageUrl sourceImageId referenceImageUrls }
      }`;
      const { data, errors } = await sendGraphql(gateway, mutation, { input });
      expect(errors).toBeUndefined();
      expect(data.it).toMatchObject({ sourceImageUrl: null, sourceImageId: id, referenceImageUrls: [url] });
      expect(Object.values((await stored(data.it.id)).provider_input)).toContainEqual([
        expect.stringMatching(/^storage:images\//),
        `storage:${keyOf('alice')}`,
      ]);
    });

    it('and a dry run tells nothing of the storage', async () => {
      const { url } = await uploaded();
      const before = await lastPosition(gateway);
      const json = { prompt, model_id: ONE, source_image_url: url };
      const quote = await gateway.send('/v1/generations?dry_run=true', { json });
      expect(quote.status).toBe(200);
      expect(answers.quote.parse(quote.json).provider_input).toMatchObject({ image: url });
      expect(await lastPosition(gateway)).toBe(before);
    });
  });

  describe('that are somebody else’s', () => {
    it('are told by nothing from what does not exist, in REST and GraphQL', async () => {
      const [bobs, bobsUpload] = [await imageOf('bob'), await uploaded('bob')];
      const nobodys = imageIdOf('01890a5d-ac96-774b-bcce-b302099a8050', 0);
      const aliceGeneration = (await ask({})).json.id as string;
      const before = await lastPosition(gateway);
      const contentOf = (id: string) => `http://localhost:3000/v1/images/${id}/content`;
      const upload = (id: string) => `http://localhost:3000/v1/uploads/${id}/content`;
      // Alice has not uploaded these bytes.
      await rm(`${gateway.images}/${keyOf('alice')}`, { force: true });
      const noUpload = `${'0'.repeat(64)}.png`;
      const pairs: [string, object, object][] = [
        ['source_image_id', { source_image_id: bobs }, { source_image_id: nobodys }],
        ['source_image_id', { source_image_id: bobs }, { source_image_id: aliceGeneration }],
        ['source_image_url', { source_image_url: contentOf(bobs) }, { source_image_url: contentOf(nobodys) }],
        ['source_image_url', { source_image_url: bobsUpload.url }, { source_image_url: upload(noUpload) }],
        ['source_image_url', { source_image_url: bobsUpload.url }, { source_image_url: upload('x') }],
        [
          'reference_image_urls.1',
          { reference_image_urls: [PUBLIC, contentOf(bobs)] },
          { reference_image_urls: [PUBLIC, contentOf(nobodys)] },
        ],
      ];
      for (const [field, theirs, nothing] of pairs) {
        const [hidden, absent] = [
          await ask({ model_id: SEVERAL, ...theirs }),
          await ask({ model_id: SEVERAL, ...nothing }),
        ];
        expect(answers.problem.parse(hidden.json)).toMatchObject({ status: 422, code: 'validation_failed' });
        expect(fieldsOf(hidden.json)).toEqual([field]);
        const without = ({ request_id: _, ...problem }: Record<string, unknown>) => problem;
        expect(without(hidden.json)).toEqual(without(absent.json));
      }
      const mutation = 'mutation ($input: GenerationInput!) { it: requestGeneration(input: $input) { id } }';
      for (const image of [bobs, nobodys]) {
        const input = { prompt, modelId: ONE, sourceImageId: image };
        const { errors } = await sendGraphql(gateway, mutation, { input });
        expect(errors?.[0]?.extensions).toMatchObject({
          code: 'validation_failed',
          errors: [{ field: 'sourceImageId', message: 'sourceImageId must be an image of yours' }],
        });
      }
      expect(await lastPosition(gateway)).toBe(before);
    });

    it('are not an operator’s either', async () => {
      const id = await imageOf('bob');
      const json = { prompt, model_id: ONE, source_image_id: id };
      const answer = await gateway.send('/v1/generations', { json, user: 'root', claims: { role: 'admin' } });
      expect(answer.status).toBe(422);
    });
  });

  describe('are refused', () => {
    const cases: [string, object, string[]][] = [
      [
        'both an id and an address',
        { source_image_url: PUBLIC, source_image_id: imageIdOf('01890a5d-ac96-774b-bcce-b302099a8050', 0) },
        ['source_image_id'],
      ],
      ['an id that is none', { source_image_id: 'x' }, ['source_image_id']],
      [
        'an id for a model that takes no source',
        {
          model_id: 'black-forest-labs/flux-schnell',
          source_image_id: imageIdOf('01890a5d-ac96-774b-bcce-b302099a8050', 0),
        },
        ['source_image_id'],
      ],
      ['references for a model that takes one image', { reference_image_urls: [PUBLIC] }, ['reference_image_urls']],
      [
        'fifteen references',
        { model_id: SEVERAL, reference_image_urls: Array.from({ length: 15 }, () => PUBLIC) },
        ['reference_image_urls'],
      ],
      [
        'a reference that is no address',
        { model_id: SEVERAL, reference_image_urls: [PUBLIC, 'x'] },
        ['reference_image_urls.1'],
      ],
      ['a place in our storage', { source_image_url: 'storage:uploads/x/y.png' }, ['source_image_url']],
    ];
    it.each(cases)('%s', async (_name, given, fields) => {
      const { json } = await ask({ model_id: ONE, ...given });
      expect(answers.problem.parse(json)).toMatchObject({ status: 422, code: 'validation_failed' });
      expect(fieldsOf(json)).toEqual(fields);
    });

    it('when they lead where nothing is fetched from, wherever they stand in the request', async () => {
      const before = await lastPosition(gateway);
      for (const address of [...hostileUrls(443), ...localNames(443), ...unfetchableUrls(443)]) {
        const source = await ask({ model_id: ONE, source_image_url: address });
        expect([address, source.status, fieldsOf(source.json)]).toEqual([address, 422, ['source_image_url']]);
        const reference = await ask({ model_id: SEVERAL, reference_image_urls: [PUBLIC, address] });
        expect([address, reference.status, fieldsOf(reference.json)]).toEqual([
          address,
          422,
          ['reference_image_urls.1'],
        ]);
      }
      const mask = {
        model_id: 'stability-ai/sdxl',
        source_image_url: PUBLIC,
        model_options: { mask: 'https://10.0.0.1/m.png' },
      };
      const masked = await ask(mask);
      expect(masked.json).toMatchObject({ code: 'unsafe_url', errors: [{ field: 'model_options.mask' }] });
      expect(await lastPosition(gateway)).toBe(before);
    }, 60_000);
  });
});
