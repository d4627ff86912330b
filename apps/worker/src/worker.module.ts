import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { CommandRunner, PredictionClaims, Signals, WaitingLine, WorkFinder, WorkQueue } from '@darkroom/events';
import { observeAppended, type Metrics } from '@darkroom/observability';
import type { ReadModels } from '@darkroom/read-models';
import type { Role, WorkerConfig } from './config.js';
import { BROKER, CANCELLING, EVENT_STORE, type Connections } from './connections.js';
import { Admission } from './dispatch/admission.js';
import { DispatchController } from './dispatch/dispatch.controller.js';
import { DownloadController } from './download/download.controller.js';
import { Downloader } from './download/downloader.js';
import { Canceller } from './generate/canceller.js';
import { CreateGuards } from './generate/create-guards.js';
import { CreditGate } from './generate/credit-gate.js';
import { GenerateController } from './generate/generate.controller.js';
import { Generator } from './generate/generator.js';
import { observedBreakers } from './generate/observed-breakers.js';
import { PredictionFinder } from './generate/prediction-finder.js';
import { PredictionWatch } from './generate/prediction-watch.js';
import { ProjectionService } from './project/projection.service.js';
import { SourceImages } from './sources/hand-over.js';
import { SentFiles } from './sources/sent-files.js';
import { LostCancels } from './sweep/lost-cancels.js';
import { LostWork } from './sweep/lost-work.js';
import { OverdueWork } from './sweep/overdue-work.js';
import type { Net } from './sweep/net.js';
import { StrandedWork } from './sweep/stranded-work.js';
import { SweepService } from './sweep/sweep.service.js';

/** Who the events of this process come from. */
const SOURCE = '/darkroom/worker';

/** Of the provider's limit on calls, for waiting; the rest is for cancelling and for looking for what was lost. */
const WATCH_SHARE = 0.6;

/** How often predictions are looked at although webhooks tell of their ends: those can be lost. Milliseconds. */
const TOLD_EVERY_MS = 15_000;

/** The roles that this process plays, over one list of providers. */
@Module({})
export class WorkerModule {
  /**
   * @param name names this process in AttemptStarted
   * @param readModels for the role sweep
   */
  static register(
    config: WorkerConfig,
    connections: Connections,
    metrics: Metrics,
    name: string,
    readModels: ReadModels | null,
  ): DynamicModule {
    const { broker, store, claims, slots, sources, provider, storage, holds, cancelling } = connections;
    const runner = new CommandRunner(store, {
      source: SOURCE,
      onAppended: observeAppended(metrics),
      onConflict: () => metrics.appendConflicts.inc(),
    });
    const queue = new WorkQueue(broker);
    const admission = new Admission(slots, new WaitingLine(broker), queue, store);
    const predictions = new PredictionClaims(claims, provider.name);
    const finder = new PredictionFinder(provider, predictions);
    const { retryBaseMs, generationTimeoutMs, deadlineMarginMs, allowPrivateUrls } = config;
    const { outOfCreditMs: outOfCreditPauseMs } = config.pauses;
    const { webhookUrl, callsPerMinute } = config.replicate;
    const times = { retryBaseMs, generationTimeoutMs, deadlineMarginMs, outOfCreditPauseMs };
    const generation = { worker: name, ...times, webhookUrl };
    const signals = new Signals(broker);
    const files = new SentFiles(sources, provider.name);
    const images = new SourceImages(provider, storage, files, { allowPrivateUrls, outOfCreditPauseMs });
    const watch = new PredictionWatch(provider, {
      callsPerMinute: callsPerMinute * WATCH_SHARE,
      toldEveryMs: webhookUrl === null ? null : TOLD_EVERY_MS,
    });
    if (config.roles.includes('generate')) signals.onPredictionEnded((id) => watch.look(id));
    const { keepImageMetadata: keepMetadata } = config;
    const download = { worker: name, retryBaseMs, generationTimeoutMs, allowPrivateUrls, keepMetadata };
    const guards = (): CreateGuards =>
      new CreateGuards(
        observedBreakers(config.pauses.brokenModelMs, metrics),
        new CreditGate(holds, outOfCreditPauseMs),
        queue,
        store,
        generationTimeoutMs,
      );
    // Work last: what the broker kept past its time, or what waits in a line, is there and was not lost.
    const nets: readonly Net[] = [
      new OverdueWork(broker, config.sweep.idleMs),
      new StrandedWork(broker),
      new LostCancels(store, queue, new WorkFinder(broker), cancelling, metrics, config.sweep.idleMs),
      { name: 'slots', sweep: () => admission.reconcile() },
      ...(readModels ? [new LostWork(broker, store, readModels, metrics, config.sweep.idleMs)] : []),
    ];

    const roles: Record<Role, { controllers: DynamicModule['controllers'] & object; providers: Provider[] }> = {
      dispatch: { controllers: [DispatchController], providers: [] },
      generate: {
        controllers: [GenerateController],
        providers: [
          {
            provide: Generator,
            useFactory: () =>
              new Generator(store, runner, provider, predictions, finder, watch, signals, guards(), images, generation),
          },
          { provide: Canceller, useValue: new Canceller(store, provider, finder, queue, cancelling) },
        ],
      },
      download: {
        controllers: [DownloadController],
        providers: [
          { provide: Downloader, useValue: new Downloader(store, runner, provider, storage, signals, download) },
        ],
      },
      project: {
        controllers: [],
        providers: [
          { provide: ProjectionService, useValue: new ProjectionService(broker, config.databaseUrl, metrics) },
        ],
      },
      sweep: {
        controllers: [],
        providers: [{ provide: SweepService, useValue: new SweepService(broker, nets, metrics, config.sweep.everyMs) }],
      },
    };
    const played = config.roles.map((role) => roles[role]);
    return {
      module: WorkerModule,
      controllers: played.flatMap((role) => role.controllers),
      providers: [
        { provide: BROKER, useValue: broker },
        { provide: EVENT_STORE, useValue: store },
        { provide: CANCELLING, useValue: cancelling },
        { provide: CommandRunner, useValue: runner },
        { provide: WorkQueue, useValue: queue },
        { provide: Admission, useValue: admission },
        ...played.flatMap((role) => role.providers),
      ],
    };
  }
}
