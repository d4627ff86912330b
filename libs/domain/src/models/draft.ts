import type { Warning } from '../generation/events.js';
import { faultOf, type PropertySchema } from './input-schema.js';
import type { Model } from './model.js';

/** A value that is refused; `field` is a request field, or `model_options.<name>`. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** What will be sent to the provider, while it is put together field by field. */
export class ProviderInputDraft {
  readonly input: Record<string, unknown> = {};
  readonly errors: FieldError[] = [];
  readonly warnings: Warning[] = [];

  constructor(readonly model: Model) {}

  /** The schema of one of the model's inputs. */
  schemaOf(name: string): PropertySchema | null {
    const { properties } = this.model.input;
    return Object.hasOwn(properties, name) ? (properties[name] ?? null) : null;
  }

  /** Sends `value` as the model's input `name` if the model takes it, else refuses the request's `field`. */
  send(name: string, value: unknown, field: string): void {
    const schema = this.schemaOf(name);
    const fault = schema ? faultOf(schema, value) : `is not an input of ${this.model.id}`;
    if (fault === null) this.input[name] = value;
    else this.refuse(field, fault);
  }

  /** Several inputs that one of the request's fields stands for. */
  sendAll(inputs: Readonly<Record<string, unknown>>, field: string): void {
    for (const [name, value] of Object.entries(inputs)) this.send(name, value, field);
  }

  /** `fault` is the end of a sentence that the field's name begins. */
  refuse(field: string, fault: string): void {
    this.errors.push({ field, message: `${field} ${fault}` });
  }

  warn(field: string, message: string): void {
    this.warnings.push({ field, message });
  }

  warnUseless(field: string): void {
    this.warn(field, `${this.model.id} has no use for ${field}; it is ignored`);
  }
}
