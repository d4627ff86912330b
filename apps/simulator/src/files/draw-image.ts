import { createHash } from 'node:crypto';
import sharp from 'sharp';

export type ImageFormat = 'webp' | 'png' | 'jpg' | 'jpeg' | 'svg';

export interface Picture {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly model: string;
  readonly prompt: string;
  readonly seed: number;
  /** Which of the prediction's outputs. */
  readonly index: number;
  readonly format: ImageFormat;
  /** 0 to 100; of webp and jpeg. */
  readonly quality: number;
  /** Without the sky, where the format can be. */
  readonly transparent: boolean;
}

const CIRCLES = 9;

/** A landscape of colours with the prompt below: the same bytes for the same picture, others for any other seed. */
export async function drawImage(picture: Picture): Promise<Buffer> {
  const svg = Buffer.from(svgOf(picture));
  if (picture.format === 'svg') return svg;
  const image = sharp(svg);
  const quality = Math.max(1, Math.min(100, picture.quality));
  switch (picture.format) {
    case 'webp':
      return image.webp({ quality, effort: 0 }).toBuffer();
    case 'jpg':
    case 'jpeg':
      return image.jpeg({ quality }).toBuffer();
    case 'png':
      return image.png({ compressionLevel: 3 }).toBuffer();
  }
}

function svgOf(picture: Picture): string {
  const { width, height } = picture;
  const next = chances(`${picture.model}\n${picture.prompt}\n${picture.seed}\n${picture.index}`);
  const hue = next() * 360;
  const colour = (turn: number, lightness: number) => `hsl(${Math.round((hue + turn) % 360)} 65% ${lightness}%)`;
  const side = Math.min(width, height);
  const circles = Array.from({ length: CIRCLES }, () => {
    const radius = side * (0.05 + next() * 0.2);
    const [x, y] = [next() * width, next() * height * 0.7];
    return `<circle cx="${x}" cy="${y}" r="${radius}" fill="${colour(next() * 90, 70)}" opacity="0.25"/>`;
  });
  const hills = [0.62, 0.72, 0.84].map((level, depth) => {
    const [left, middle, right] = [next(), next(), next()].map((chance) => height * (level + (chance - 0.5) * 0.16));
    const path = `M0 ${left} Q${width * 0.3} ${middle} ${width * 0.55} ${left} T${width} ${right} V${height} H0 Z`;
    return `<path d="${path}" fill="${colour(30 * depth, 34 - 9 * depth)}"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
<defs><linearGradient id="sky" x1="0" y1="0" x2="${(next() * 0.6).toFixed(3)}" y2="1">
<stop offset="0" stop-color="${colour(0, 32)}"/><stop offset="0.6" stop-color="${colour(50, 62)}"/><stop offset="1" stop-color="${colour(80, 82)}"/>
</linearGradient></defs>
${picture.transparent ? '' : '<rect width="100%" height="100%" fill="url(#sky)"/>'}${circles.join('')}${hills.join('')}
${captionOf(picture)}</svg>`;
}

function captionOf({ width, height, prompt, model, seed }: Picture): string {
  const size = Math.max(6, Math.round(Math.min(width, height) / 32));
  const letters = Math.max(8, Math.floor((width - size * 3) / (size * 0.56)));
  const lines = wrap(prompt, letters).slice(0, 3);
  const notes = [...lines, `simulated ${model.split('/').at(-1)}, seed ${seed}`];
  const text = notes.map((line, index) => {
    const y = height - size * 1.5 * (notes.length - index);
    const opacity = index === notes.length - 1 ? 0.6 : 1;
    return `<text x="${size * 1.5}" y="${y}" opacity="${opacity}">${escapeXml(line)}</text>`;
  });
  return `<g font-family="sans-serif" font-size="${size}" fill="white">${text.join('')}</g>`;
}

function wrap(text: string, letters: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.slice(0, letters * 4).split(/\s+/)) {
    if (line !== '' && line.length + word.length >= letters) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word.slice(0, letters) : `${line} ${word}`.slice(0, letters);
  }
  return line === '' ? lines : [...lines, line];
}

function escapeXml(text: string): string {
  const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  // XML has no place for control characters, lone surrogates and noncharacters, however they are written.
  return text.replace(/[&<>"]/g, (character) => named[character] ?? '').replace(/[\p{Cc}\p{Cs}\p{Cn}]/gu, ' ');
}

/** Numbers from 0 to below 1, always the same for the same text. */
function chances(text: string): () => number {
  let block = createHash('sha256').update(text).digest();
  let offset = 0;
  return () => {
    if (offset + 4 > block.length) {
      block = createHash('sha256').update(block).digest();
      offset = 0;
    }
    const value = block.readUInt32BE(offset) / 2 ** 32;
    offset += 4;
    return value;
  };
}
