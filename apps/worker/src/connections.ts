import type { ImageProvider } from '@darkroom/provider';
import type { ImageStorage } from '@darkroom/storage';
import type { Broker, Claims, EventStore } from '@darkroom/events';

/** Injection tokens of what the worker is connected to. */
export const BROKER = Symbol('Broker');
export const EVENT_STORE = Symbol('EventStore');
export const STORAGE = Symbol('ImageStorage');

export interface Connections {
  readonly broker: Broker;
  readonly store: EventStore;
  readonly claims: Claims;
  readonly provider: ImageProvider & { authorizationFor(url: string): string | undefined };
  readonly storage: ImageStorage;
}
