import { timingSafeEqual } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { Prediction } from '../provider.port.js';
import { isPrediction } from '../schemas/index.js';
import { toPrediction } from './prediction.mapper.js';

/** Seconds that a webhook's timestamp may differ from our clock; the value of the Standard Webhooks specification. */
const TOLERANCE_SECONDS = 300;

/** The webhook is not Replicate's, is too old, or was changed on its way. Its message is not for the sender. */
export class InvalidWebhookError extends Error {
  override readonly name = 'InvalidWebhookError';
}

/**
 * The prediction in a webhook of Replicate, whose signature (HMAC-SHA256 over `id.timestamp.body`) is checked first.
 *
 * @param headers with lower-case names, as Node gives them
 * @param rawBody the bytes as they came: a body that was parsed and written again has another signature
 * @param secret `whsec_…`, from `GET /webhooks/default/secret`
 * @throws InvalidWebhookError
 */
export function verifyReplicateWebhook(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  rawBody: Buffer | string,
  secret: string,
  now: Date,
): Prediction {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signatures = headers['webhook-signature'];
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') {
    throw new InvalidWebhookError('A webhook header is missing');
  }
  const sentAt = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN;
  if (!(Math.abs(now.getTime() / 1_000 - sentAt) <= TOLERANCE_SECONDS)) {
    throw new InvalidWebhookError('The webhook timestamp is not within five minutes');
  }
  const body = rawBody.toString();
  const expected = Buffer.from(new Webhook(secret).sign(id, new Date(sentAt * 1_000), body));
  const signed = signatures.split(' ').some((signature) => {
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!signed) throw new InvalidWebhookError('No signature of the webhook matches');
  return parsePrediction(body);
}

function parsePrediction(body: string): Prediction {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new InvalidWebhookError('The webhook body is not JSON', { cause });
  }
  if (!isPrediction(value)) throw new InvalidWebhookError('The webhook body is not a prediction');
  return toPrediction(value);
}
