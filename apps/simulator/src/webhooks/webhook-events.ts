/** What `webhook_events_filter` of a create may name. */
export const WEBHOOK_EVENTS = ['start', 'output', 'logs', 'completed'] as const;
export type ReplicateWebhookEvent = (typeof WEBHOOK_EVENTS)[number];
