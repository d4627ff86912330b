import { imagesIn, type FieldError, type Model } from '@darkroom/domain';
import { pointsToPrivateNetwork } from '@darkroom/net';
import type { GenerationRequest } from './generation-request.js';
import { imageAddress, ownAddressOf, type GivenAddress } from './own-images.js';

export interface AddressRules {
  /** Also lets images be fetched over http. */
  readonly allowPrivateUrls: boolean;
  /** Where clients reach the API, without a trailing slash. */
  readonly publicUrl: string;
}

/** Addresses of images in a request, by the fields that give them. */
export function imagesGiven(model: Model, body: GenerationRequest, { publicUrl }: AddressRules): GivenAddress[] {
  const { source_image_id: id, source_image_url: url, reference_image_urls: references } = body;
  const given = (field: string, address: string | null | undefined) => (address ? [{ field, address }] : []);
  return [
    ...given('source_image_id', id && imageAddress(publicUrl, id)),
    ...given('source_image_url', url),
    ...(references ?? []).flatMap((address, index) => given(`reference_image_urls.${index}`, address)),
    ...optionsOf(body).flatMap(([name, value]) =>
      imagesIn(model, { [name]: value }).flatMap((address) => given(`model_options.${name}`, address)),
    ),
  ];
}

/**
 * What nobody shall connect to for a client, as far as the addresses alone tell: neither we nor the provider. Images are
 * fetched by a worker, which looks again at what it connects to.
 */
export function unsafeAddresses(
  body: GenerationRequest,
  images: readonly GivenAddress[],
  rules: AddressRules,
): FieldError[] {
  const checked = new Set(images.map(({ address }) => address));
  const options = optionsOf(body).map(([name, value]): [string, unknown] => [`model_options.${name}`, value]);
  const others = [['webhook_url', body.webhook_url] as [string, unknown], ...options].flatMap(([field, value]) => {
    const addresses = [value].flat().filter(isHttpUrl);
    return addresses.filter((address) => !checked.has(address)).map((address) => ({ field, address }));
  });
  const faults = [
    ...images.map(({ field, address }) => ({ field, fault: imageFault(address, rules) })),
    ...others.map(({ field, address }) => ({ field, fault: rules.allowPrivateUrls ? null : privateFault(address) })),
  ];
  return faults.flatMap(({ field, fault }) => (fault === null ? [] : [{ field, message: `${field} ${fault}` }]));
}

/** A model's own inputs may hold addresses, too. */
function optionsOf({ model_options: options }: GenerationRequest): [string, unknown][] {
  return Object.entries(options ?? {});
}

function isHttpUrl(value: unknown): value is string {
  return typeof value === 'string' && /^\s*https?:/i.test(value);
}

function imageFault(address: string, { publicUrl, allowPrivateUrls }: AddressRules): string | null {
  if (ownAddressOf(publicUrl, address)) return null;
  const url = URL.parse(address);
  if (!url || url.username || url.password) return 'must not carry credentials';
  if (allowPrivateUrls) return null;
  return privateFault(address) ?? (url.protocol === 'https:' ? null : 'must be an https URL');
}

function privateFault(address: string): string | null {
  return URL.canParse(address) && !pointsToPrivateNetwork(address) ? null : 'must not point into a private network';
}
