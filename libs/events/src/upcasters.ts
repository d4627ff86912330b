/** Turns the body of one version of an event type into that of the next. Pure: what was written stays as it is. */
export type Upcaster = (data: unknown) => unknown;

/** By event type without its version; `chain[0]` turns version 1 into version 2, and so on. */
export type Upcasters = Readonly<Record<string, readonly Upcaster[]>>;

/**
 * Types that are not here are in their first version. When one changes: add the upcaster here (that alone raises the
 * version written), and freeze an example of the new version in fixtures/ (the old one stays, and must go on decoding).
 */
export const UPCASTERS: Upcasters = {
  'darkroom.generation.requested': [
    (data) => ({ ...(data as object), deadline: null, concurrency_limit: null }),
    (data) => {
      const request = data as { readonly input: object };
      return { ...request, input: { ...request.input, source_image_id: null, reference_image_urls: [] } };
    },
  ],
  'darkroom.generation.attempt-started': [(data) => ({ ...(data as object), sent_images: [] })],
  'darkroom.generation.downloaded': [
    (data) => {
      const { images } = data as { readonly images: readonly object[] };
      return { ...(data as object), images: images.map((image) => ({ ...image, thumbnails: [] })) };
    },
  ],
};

/** The body as the newest version would have it. */
export function upcast(type: string, version: number, data: unknown, upcasters: Upcasters = UPCASTERS): unknown {
  return (upcasters[type] ?? []).slice(version - 1).reduce((body, step) => step(body), data);
}

/** The newest version of a type: one more than the steps that lead to it. */
export function newestVersion(type: string, upcasters: Upcasters = UPCASTERS): number {
  return (upcasters[type]?.length ?? 0) + 1;
}
