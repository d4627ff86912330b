import type { GenerationRequestBody } from './prepare.js';
import { SOURCE } from './spec-support.js';

const [FIRST, SECOND] = ['https://example.com/first.png', 'https://example.com/second.png'] as const;
const MASK = 'https://example.com/mask.png';

type Asked = Omit<GenerationRequestBody, 'prompt' | 'model_id'>;

/** What is asked of every model, beside its prompt. Models that need a source get one in all but the first. */
export const GOLDEN_REQUESTS: Readonly<Record<string, Asked>> = {
  plain: {},
  'negative prompt': { negative_prompt: 'blur' },
  'seed 0': { seed: 0 },
  'steps and guidance': { num_inference_steps: 4, guidance_scale: 3 },
  '0 steps, guidance 0': { num_inference_steps: 0, guidance_scale: 0 },
  '1024x1024': { width: 1024, height: 1024 },
  '1920x1080': { width: 1920, height: 1080 },
  '1792x1024, which is 7:4': { width: 1792, height: 1024 },
  '640x480': { width: 640, height: 480 },
  '7:4': { aspect_ratio: '7:4' },
  '12:5': { aspect_ratio: '12:5' },
  '4:3': { aspect_ratio: '4:3' },
  '21:9': { aspect_ratio: '21:9' },
  '2 images': { num_outputs: 2 },
  png: { output_format: 'png' },
  jpeg: { output_format: 'jpeg' },
  webp: { output_format: 'webp' },
  source: { source_image_url: SOURCE },
  'source, strength 0': { source_image_url: SOURCE, strength: 0 },
  'source, strength 0.3': { source_image_url: SOURCE, strength: 0.3 },
  'source, strength 1': { source_image_url: SOURCE, strength: 1 },
  'source and 9:16': { source_image_url: SOURCE, aspect_ratio: '9:16' },
  'source and mask': { source_image_url: SOURCE, model_options: { mask: MASK } },
  'strength without source': { strength: 0.5 },
  'source and two references': { source_image_url: SOURCE, reference_image_urls: [FIRST, SECOND] },
  'two references': { reference_image_urls: [FIRST, SECOND] },
  'style realistic_image': { style: 'realistic_image' },
  'style Realistic': { style: 'Realistic' },
  'option of no model': { model_options: { turbo: true } },
  'option output_quality': { model_options: { output_quality: 90 } },
  'option disable_safety_checker': { model_options: { disable_safety_checker: true } },
  'option safety_tolerance': { model_options: { safety_tolerance: 5 } },
  'option resolution and 4:3': { aspect_ratio: '4:3', model_options: { resolution: '2K' } },
  'option size and 1:1': { aspect_ratio: '1:1', model_options: { size: '4K' } },
  'options prompt and seed': { model_options: { prompt: 'another', seed: 1 } },
};
