import { MODELS, type Model, type ModelView } from '@darkroom/domain';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import type { Client } from './client.js';
import { scenario, System } from './system.js';

const SOURCE = { width: 1024, height: 1024 };

/** How many times as wide and high as their source what tools make is, with these options. */
const TOOLS: Readonly<Record<string, { readonly scale: number; readonly model_options?: object }>> = {
  'nightmareai/real-esrgan': { scale: 1.5, model_options: { scale: 1.5 } },
  'philz1337x/clarity-upscaler': { scale: 2 },
  'recraft-ai/recraft-crisp-upscale': { scale: 4 },
  '851-labs/background-remover': { scale: 1 },
  'cjwbw/rembg': { scale: 1 },
};

const SHAPE = '16:9';
/** Pixels that are said to be about right may be of another shape by this much: 3 %. */
const INEXACT = Math.log(1.03);

describe('every model that is offered', () => {
  let system: System;
  let alice: Client;
  let files: Server;
  let sourceUrl: string;

  beforeAll(async () => {
    const photo = await sharp({ create: { ...SOURCE, channels: 3, background: 'teal' } })
      .jpeg()
      .toBuffer();
    files = createServer((_request, response) => response.writeHead(200, { 'content-type': 'image/jpeg' }).end(photo));
    await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
    sourceUrl = `http://127.0.0.1:${(files.address() as AddressInfo).port}/photo.jpg`;
    system = await System.start({ runMs: 50 });
    alice = await system.as('alice');
  }, 60_000);
  afterAll(async () => {
    files.close();
    await system.stop();
  });

  /** As a client sees it that knows nothing but the API. */
  async function shown(id: string): Promise<ModelView> {
    const { status, json } = await alice.send(`/v1/models/${id}`);
    expect(status).toBe(200);
    return json as ModelView;
  }

  function requestFor(view: ModelView): object {
    const tool = TOOLS[view.id];
    const { num_outputs } = view.parameters.properties ?? {};
    return {
      model_id: view.id,
      prompt: 'a lighthouse at dusk',
      num_outputs: Math.min(num_outputs?.maximum ?? 1, 2),
      ...(tool ? { source_image_url: sourceUrl, model_options: tool.model_options ?? {} } : { aspect_ratio: SHAPE }),
    };
  }

  /** What the catalogue promises of a request as above. */
  function promised(view: ModelView): { width: number; height: number; exact: boolean } {
    const tool = TOOLS[view.id];
    if (tool) return { width: SOURCE.width * tool.scale, height: SOURCE.height * tool.scale, exact: true };
    const size = view.sizes.find(({ aspect_ratio }) => aspect_ratio === SHAPE);
    if (!size) throw new Error(`${view.id} shows no size of ${SHAPE}`);
    return size;
  }

  async function check(model: Model): Promise<void> {
    const view = await shown(model.id);
    const { id } = await alice.request(requestFor(view));
    const { images } = await alice.completed(id);
    expect(images).toHaveLength(Math.min(view.parameters.properties?.num_outputs?.maximum ?? 1, 2));
    const size = promised(view);
    for (const image of images) {
      const { bytes } = await alice.send(new URL(image.url).pathname);
      const { format, width, height } = await sharp(bytes).metadata();
      expect({ format, width, height }).toEqual({ format: image.format, width: image.width, height: image.height });
      const formats = view.output_formats.map((name) => (name === 'jpg' ? 'jpeg' : name));
      if (formats.length > 0) expect(formats).toContain(format);
      if (size.exact) expect({ width, height }).toEqual({ width: size.width, height: size.height });
      else expect(Math.abs(Math.log(width / height / (size.width / size.height)))).toBeLessThan(INEXACT);
    }
  }

  for (const model of MODELS.filter(({ availability }) => availability.state === 'offered')) {
    scenario(
      `makes what the catalogue promises: ${model.id}`,
      () => system,
      () => check(model),
    );
  }

  scenario(
    'and none that is not: it is refused with the name of a successor, before anything is stored',
    () => system,
    async () => {
      const { events } = await system.log();
      for (const { id, availability } of MODELS.filter((model) => model.availability.state !== 'offered')) {
        const answer = await alice.send('/v1/generations', { json: { prompt: 'a lighthouse', model_id: id } });
        expect(answer).toMatchObject({ status: 422, json: { code: 'unknown_model', errors: [{ field: 'model_id' }] } });
        expect(answer.json.errors[0].message).toContain((availability as { successor: string }).successor);
        expect(await shown(id)).toMatchObject({ active: false });
      }
      expect((await system.log()).events).toBe(events);
    },
  );
});
