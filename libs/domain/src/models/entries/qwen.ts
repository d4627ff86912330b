import type { Model } from '../model.js';
import { defineModel, sourceIn } from './define.js';
import { decimal, flag, image, listOf, oneOf, text, whole } from './inputs.js';
import { MEGAPIXEL, shapes } from './sizes.js';

const RATIOS = ['1:1', '16:9', '9:16', '4:3', '3:4', '3:2', '2:3'];

/** Inputs as on replicate.com and recorded in 2026. */
const qwenImage = defineModel({
  id: 'qwen/qwen-image',
  title: 'Qwen Image',
  kind: 'text-to-image',
  goodAt: 'Text in images, Chinese included, at a low price.',
  input: {
    properties: {
      prompt: text('Text prompt'),
      negative_prompt: text('What to keep out of the image', ' '),
      image: image('Source image'),
      aspect_ratio: oneOf('Output shape', RATIOS, '16:9'),
      image_size: oneOf('Size choice', ['optimize_for_quality', 'optimize_for_speed'], 'optimize_for_quality'),
      seed: whole('Random seed; omit for random'),
      go_fast: flag('Use the speed-optimised variant', true),
      guidance: decimal('Prompt guidance strength', { minimum: 0, maximum: 10, default: 3 }),
      strength: decimal('Image-to-image strength', { minimum: 0, maximum: 1, default: 0.9 }),
      lora_scale: decimal('LoRA weight', { default: 1 }),
      lora_weights: text('URL of LoRA weights; text-to-image only'),
      output_format: oneOf('File format of the result', ['webp', 'jpg', 'png'], 'webp'),
      enhance_prompt: flag('Rewrite the prompt for quality', false),
      output_quality: whole('Compression quality 0-100; not used for png', { minimum: 0, maximum: 100, default: 80 }),
      extra_lora_scale: listOf('Scales for the further LoRAs', 'number'),
      replicate_weights: text('LoRA weights from a Replicate training'),
      extra_lora_weights: listOf('URLs of further LoRAs', 'string'),
      num_inference_steps: whole('Denoising steps', { minimum: 1, maximum: 50, default: 30 }),
      disable_safety_checker: flag('Turn the safety checker off', false),
    },
    required: ['prompt'],
  },
  fields: {
    prompt: 'prompt',
    negative_prompt: 'negative_prompt',
    num_inference_steps: 'num_inference_steps',
    guidance_scale: 'guidance',
    seed: 'seed',
  },
  formatField: 'output_format',
  size: {
    choices: shapes(RATIOS, [
      { area: 1.7 * MEGAPIXEL },
      { area: MEGAPIXEL, inputs: { image_size: 'optimize_for_speed' } },
    ]),
    pixels: null,
  },
  source: sourceIn('image'),
  output: { shape: 'uri[]', formats: ['webp', 'jpg', 'png'] },
  price: { usd_per_image: 0.025 },
  typicalSeconds: 3.5,
  unsure:
    'Which way its strength counts is not published: strength is not translated, the input can be set as a model option. Pixels are about 1.7 megapixels, 1 with image_size optimize_for_speed; whether an aspect ratio has an effect beside a source is not published.',
});

export const QWEN_MODELS: readonly Model[] = [qwenImage];
