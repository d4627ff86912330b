import type { PreparedGeneration, Warning } from '@darkroom/domain';

/** What a request would send to the provider, and cost, as the public contract shows it. */
export interface QuoteView {
  readonly model_id: string;
  readonly version: string | null;
  readonly provider_input: Readonly<Record<string, unknown>>;
  readonly warnings: readonly Warning[];
  readonly cost: { readonly estimated_usd: number | null };
}

export function quoteViewOf(prepared: PreparedGeneration): QuoteView {
  return {
    model_id: prepared.model.id,
    version: prepared.providerVersion,
    provider_input: prepared.providerInput,
    warnings: prepared.warnings,
    cost: { estimated_usd: prepared.estimatedCostUsd },
  };
}
