import { z } from 'zod';

/** The largest thumbnails that are made. Pixels. */
const LARGEST_THUMBNAIL = 1_024;
const DAY_SECONDS = 86_400;

const wholeNumber = z
  .string()
  .regex(/^\d{1,12}$/, 'must be a whole number')
  .transform(Number);

const signed = { expires: wholeNumber.optional(), signature: z.string().max(100).optional() };

/** Of an image's bytes. */
export const contentQuery = z.object(signed);

const width = z.int().min(1).max(LARGEST_THUMBNAIL);

/** Of a thumbnail. */
export const thumbnailQuery = z.strictObject({ ...signed, width: wholeNumber.pipe(width).optional() });

export type ImageQuery = z.output<typeof thumbnailQuery>;

const link = z
  .strictObject({
    variant: z.enum(['content', 'thumbnail']).default('content'),
    width: width.nullable().default(null).meta({ description: 'Of the thumbnail, as in its route.' }),
    expires_in: z
      .int()
      .min(1)
      .max(7 * DAY_SECONDS)
      .default(3_600)
      .meta({ description: 'Seconds.' }),
  })
  .refine((body) => body.variant === 'thumbnail' || body.width === null, {
    path: ['width'],
    error: 'is for thumbnails only',
  })
  .meta({ id: 'ImageLinkRequest' });

/** Whoever sends nothing asks for the image itself, for an hour. */
export const linkRequest = link.prefault({});
export type LinkRequest = z.output<typeof linkRequest>;

export const linkAnswer = z
  .strictObject({ url: z.url(), expires_at: z.iso.datetime() })
  .meta({ id: 'ImageLink', description: 'Works without credentials until then.' });
