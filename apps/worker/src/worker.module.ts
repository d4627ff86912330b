import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { CommandRunner } from '@darkroom/events';
import { observeAppended, type Metrics } from '@darkroom/observability';
import type { ReadModels } from '@darkroom/read-models';
import type { Role, WorkerConfig } from './config.js';
import { BROKER, EVENT_STORE, type Connections } from './connections.js';
import { DispatchController } from './dispatch/dispatch.controller.js';
import { DownloadController } from './download/download.controller.js';
import { Downloader } from './download/downloader.js';
import { Canceller } from './generate/canceller.js';
import { PredictionClaims } from './generate/find-prediction.js';
import { GenerateController } from './generate/generate.controller.js';
import { Generator } from './generate/generator.js';
import { ProjectionService } from './project/projection.service.js';
import { LostWork } from './sweep/lost-work.js';
import { OverdueWork } from './sweep/overdue-work.js';
import type { Net } from './sweep/net.js';
import { SweepService } from './sweep/sweep.service.js';

/** Who the events of this process come from. */
const SOURCE = '/darkroom/worker';

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
    const { broker, store, claims, provider, storage } = connections;
    const runner = new CommandRunner(store, {
      source: SOURCE,
      onAppended: observeAppended(metrics),
      onConflict: () => metrics.appendConflicts.inc(),
    });
    const predictions = new PredictionClaims(claims, provider.name);
    const { retryBaseMs, generationTimeoutMs, deadlineMarginMs, allowPrivateUrls } = config;
    const generation = { worker: name, retryBaseMs, generationTimeoutMs, deadlineMarginMs };
    const download = { worker: name, retryBaseMs, generationTimeoutMs, allowPrivateUrls };
    // Schedules first: what the broker kept of a generation is work that is there, and nothing that was lost.
    const nets: readonly Net[] = [
      new OverdueWork(broker, config.sweep.idleMs),
      ...(readModels ? [new LostWork(broker, store, readModels, metrics, config.sweep.idleMs)] : []),
    ];

    const roles: Record<Role, { controllers: DynamicModule['controllers'] & object; providers: Provider[] }> = {
      dispatch: { controllers: [DispatchController], providers: [] },
      generate: {
        controllers: [GenerateController],
        providers: [
          { provide: Generator, useValue: new Generator(store, runner, provider, predictions, generation) },
          { provide: Canceller, useValue: new Canceller(store, provider, predictions) },
        ],
      },
      download: {
        controllers: [DownloadController],
        providers: [{ provide: Downloader, useValue: new Downloader(store, runner, provider, storage, download) }],
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
        { provide: CommandRunner, useValue: runner },
        ...played.flatMap((role) => role.providers),
      ],
    };
  }
}
