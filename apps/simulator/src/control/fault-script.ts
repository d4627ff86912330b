import { Injectable } from '@nestjs/common';
import type {
  CreateFault,
  Fault,
  FileFault,
  ListedFault,
  ReadFault,
  RunFault,
  UploadFault,
  WebhookFault,
} from './fault.schema.js';

interface Stages {
  create: CreateFault;
  read: ReadFault;
  run: RunFault;
  listed: ListedFault;
  webhook: WebhookFault;
  file: FileFault;
  upload: UploadFault;
}

/** The prediction that is at hand. A list of predictions is none, and an upload neither: only faults without `match` hit it. */
export interface FaultSubject {
  readonly model: string;
  readonly prompt: string;
}

/** The faults that are still to strike, in the order in which they were scripted. */
@Injectable()
export class FaultScript {
  #pending: { readonly fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#pending.push({ fault, left: fault.times === 'always' ? Infinity : fault.times });
  }

  clear(): void {
    this.#pending = [];
  }

  /** The first fault of this stage that fits, used up by one. */
  take<Stage extends keyof Stages>(stage: Stage, subject?: FaultSubject): Stages[Stage] | undefined {
    const entry = this.#pending.find(({ fault }) => isOf(stage, fault) && fits(fault, subject));
    if (!entry) return undefined;
    entry.left -= 1;
    this.#pending = this.#pending.filter(({ left }) => left > 0);
    return isOf(stage, entry.fault) ? entry.fault : undefined;
  }
}

function isOf<Stage extends keyof Stages>(stage: Stage, fault: Fault): fault is Fault & Stages[Stage] {
  return stageOf(fault) === stage;
}

const STAGES = ['read', 'run', 'listed', 'webhook', 'file', 'upload'] as const;

/** By the first word of its kind; faults of a create have no word in common. */
function stageOf({ kind }: Fault): keyof Stages {
  return STAGES.find((stage) => kind.startsWith(`${stage}_`)) ?? 'create';
}

function fits({ match }: Fault, subject: FaultSubject | undefined): boolean {
  if (!match) return true;
  if (!subject) return false;
  return (match.model === undefined || match.model === subject.model) && subject.prompt.includes(match.prompt ?? '');
}
