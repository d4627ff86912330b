import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { CommandRunner, WaitingLine, WorkQueue } from '@darkroom/events';
import { observeAppended, type Metrics } from '@darkroom/observability';
import type { Role, WorkerConfig } from './config.js';
import { BROKER, EVENT_STORE, type Connections } from './connections.js';
import { Admission } from './dispatch/admission.js';
import { DispatchController } from './dispatch/dispatch.controller.js';
import { DownloadController } from './download/download.controller.js';
import { Downloader } from './download/downloader.js';
import { Canceller } from './generate/canceller.js';
import { PredictionClaims } from './generate/find-prediction.js';
import { GenerateController } from './generate/generate.controller.js';
import { Generator } from './generate/generator.js';
import { ProjectionService } from './project/projection.service.js';

/** Who the events of this process come from. */
const SOURCE = '/darkroom/worker';

/** The roles that this process plays, over one list of providers. */
@Module({})
export class WorkerModule {
  /** @param name names this process in AttemptStarted */
  static register(config: WorkerConfig, connections: Connections, metrics: Metrics, name: string): DynamicModule {
    const { broker, store, claims, slots, provider, storage } = connections;
    const runner = new CommandRunner(store, {
      source: SOURCE,
      onAppended: observeAppended(metrics),
      onConflict: () => metrics.appendConflicts.inc(),
    });
    const queue = new WorkQueue(broker);
    const admission = new Admission(slots, new WaitingLine(broker), queue, store);
    const predictions = new PredictionClaims(claims, provider.name);
    const { retryBaseMs, generationTimeoutMs, deadlineMarginMs, allowPrivateUrls } = config;
    const generation = { worker: name, retryBaseMs, generationTimeoutMs, deadlineMarginMs };
    const download = { worker: name, retryBaseMs, generationTimeoutMs, allowPrivateUrls };

    const roles: Record<Role, { controllers: DynamicModule['controllers'] & object; providers: Provider[] }> = {
      dispatch: { controllers: [DispatchController], providers: [] },
      generate: {
        controllers: [GenerateController],
        providers: [
          { provide: Generator, useValue: new Generator(store, runner, provider, predictions, generation) },
          { provide: Canceller, useValue: new Canceller(store, provider, predictions, queue) },
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
    };
    const played = config.roles.map((role) => roles[role]);
    return {
      module: WorkerModule,
      controllers: played.flatMap((role) => role.controllers),
      providers: [
        { provide: BROKER, useValue: broker },
        { provide: EVENT_STORE, useValue: store },
        { provide: CommandRunner, useValue: runner },
        { provide: WorkQueue, useValue: queue },
        { provide: Admission, useValue: admission },
        ...played.flatMap((role) => role.providers),
      ],
    };
  }
}
