import {
  findModel,
  MODELS,
  NO_SWITCHES,
  offerOf,
  prepareGeneration,
  presentModel,
  retryStage,
  whyNotOffered,
  type Generation,
  type GenerationRequestBody,
  type ModelKind,
  type ModelSwitches,
  type ModelView,
  type PreparedGeneration,
  type RefusedGeneration,
} from '@darkroom/domain';
import { createHash } from 'node:crypto';
import { AppError, invalid } from '../errors/app-error.js';

/** All that is given must hold. */
export interface ModelFilter {
  readonly kind?: ModelKind | undefined;
  readonly active?: boolean | undefined;
}

/** Every model as it is offered at this moment: the catalogue, and what operators have switched. */
export class ModelCatalogue {
  #switches: ModelSwitches = NO_SWITCHES;
  #views: readonly ModelView[] = [];
  #version = '';

  /** @param onOffer hears of every model, now and whenever something was switched */
  constructor(private readonly onOffer: (modelId: string, active: boolean) => void = () => undefined) {
    this.apply(NO_SWITCHES);
  }

  /** What operators have switched now. */
  apply(switches: ModelSwitches): void {
    this.#switches = switches;
    this.#views = MODELS.map((model) => ({ ...presentModel(model), ...offerOf(model, switches) }));
    this.#version = createHash('sha256').update(JSON.stringify(this.#views)).digest('base64url').slice(0, 22);
    for (const { id, active } of this.#views) this.onOffer(id, active);
  }

  /** Another one with whatever is shown of any model; the same in every gateway of a release. */
  get version(): string {
    return this.#version;
  }

  /** Those that are not offered say why, and what to ask for instead. */
  list({ kind, active }: ModelFilter): readonly ModelView[] {
    return this.#views.filter(
      (view) => (kind === undefined || view.kind === kind) && (active === undefined || view.active === active),
    );
  }

  /**
   * One model, offered or not.
   * @throws AppError `not_found`
   */
  get(id: string): ModelView {
    const found = this.#views.find((view) => view.id === id);
    if (!found) throw new AppError('not_found', 'There is no such model');
    return found;
  }

  /** What a request would send to the provider, or why that is refused. */
  prepare(body: GenerationRequestBody): PreparedGeneration | RefusedGeneration {
    return prepareGeneration(body, { switches: this.#switches });
  }

  /**
   * A client's retry of what has failed asks its model once more, unless what that made can still be fetched. One that
   * the catalogue does not hold is let through: what it would be sent is in the log.
   * @throws AppError `unknown_model`
   */
  assertMayAskAgain(state: Generation): void {
    if (state.status !== 'failed' || retryStage(state, new Date().toISOString()) === 'download') return;
    const model = findModel(state.request.model_id);
    const why = model && whyNotOffered(model, this.#switches);
    if (why) throw invalid([{ field: 'model_id', message: why }], 'unknown_model');
  }
}
