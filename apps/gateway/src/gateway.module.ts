import type { ModelSwitches, QuotaWindow } from '@darkroom/domain';
import { CommandRunner } from '@darkroom/events';
import { HealthChecks, loggingModule, MetricsModule, observeAppended, type Metrics } from '@darkroom/observability';
import { openReadModels, type ReadModels } from '@darkroom/read-models';
import { openStorage, type ImageStorage } from '@darkroom/storage';
import {
  Inject,
  Logger,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { Admission } from './application/admission.js';
import { GenerationsService } from './application/generations.service.js';
import { ModelCatalogue } from './application/models.js';
import { OwnImages } from './application/own-images.js';
import { UploadsService } from './application/uploads.service.js';
import { AuthGuard } from './auth/auth.guard.js';
import { Authenticator } from './auth/authenticator.js';
import type { GatewayConfig } from './config.js';
import { LogConnection } from './connections/log.js';
import { ModelWatch } from './connections/model-watch.js';
import { READ_MODELS, STORAGE } from './connections/tokens.js';
import { ProblemFilter } from './errors/problem.filter.js';
import { validationPipe } from './errors/validation.js';
import { GRAPHQL_PROVIDERS, graphqlModule } from './graphql/graphql.module.js';
import { gatewayChecks } from './health/gateway-checks.js';
import { HealthController } from './health/health.controller.js';
import { KvIdempotencyKeys } from './idempotency/kv-idempotency-keys.js';
import type { StreamTiming } from './live/event-stream.js';
import { ImageLinks } from './images/image-links.js';
import { LiveHub } from './live/live-hub.js';
import { KvQuotas } from './limits/kv-quotas.js';
import { UserLimitsQuery } from './limits/user-limits.query.js';
import { EventsController, TIMING } from './rest/events.controller.js';
import { GenerationsController } from './rest/generations.controller.js';
import { HooksController, WEBHOOK_SECRET } from './rest/hooks.controller.js';
import { ImagesController } from './rest/images.controller.js';
import { LimitsController } from './rest/limits.controller.js';
import { ListsController } from './rest/lists.controller.js';
import { ModelsController } from './rest/models.controller.js';
import { UploadsController } from './rest/uploads.controller.js';
import { PredictionNews } from './webhooks/prediction-news.js';

/** Who the events of this process come from. */
const SOURCE = '/darkroom/gateway';

@Module({})
export class GatewayModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  constructor(
    private readonly log: LogConnection,
    private readonly live: LiveHub,
    private readonly models: ModelWatch,
    @Inject(READ_MODELS) private readonly readModels: ReadModels,
  ) {}

  /** @param clock of limits and of links to images, milliseconds since 1970 */
  static register(
    config: GatewayConfig,
    metrics: Metrics,
    timing: StreamTiming,
    clock: () => number = Date.now,
  ): DynamicModule {
    const onWarning = (message: string) => new Logger('Postgres').warn(message);
    const authenticator = new Authenticator(config.auth, config.limits);
    return {
      module: GatewayModule,
      imports: [
        loggingModule({ level: config.logLevel, service: 'gateway' }),
        MetricsModule.register(metrics),
        // The health checks say themselves what is away, and why.
        TerminusModule.forRoot({ logger: false }),
        graphqlModule(authenticator),
      ],
      controllers: [
        GenerationsController,
        EventsController,
        LimitsController,
        ListsController,
        ImagesController,
        UploadsController,
        ModelsController,
        HooksController,
        HealthController,
      ],
      providers: [
        ...GRAPHQL_PROVIDERS,
        { provide: APP_GUARD, useClass: AuthGuard },
        { provide: APP_PIPE, useFactory: validationPipe },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: Authenticator, useValue: authenticator },
        { provide: ImageLinks, useValue: new ImageLinks(config.linkSecret, clock) },
        { provide: STORAGE, useFactory: () => openStorage(config.storageUrl) },
        { provide: READ_MODELS, useFactory: () => openReadModels({ url: config.databaseUrl, onWarning }) },
        { provide: LogConnection, useValue: new LogConnection(config.nats) },
        {
          provide: LiveHub,
          inject: [LogConnection],
          useFactory: (log: LogConnection) => {
            const live = new LiveHub(log, { onSubscribers: (count) => metrics.liveSubscribers.set(count) });
            log.onProgress((news) => live.hear(news));
            return live;
          },
        },
        {
          provide: ModelCatalogue,
          useFactory: () => new ModelCatalogue((model, active) => metrics.modelOffered.set({ model }, active ? 1 : 0)),
        },
        {
          provide: ModelWatch,
          inject: [LogConnection, ModelCatalogue],
          useFactory: (log: LogConnection, models: ModelCatalogue) => {
            const onSwitches = (switches: ModelSwitches) => models.apply(switches);
            log.onModelSwitches(onSwitches);
            return new ModelWatch(log.models, onSwitches);
          },
        },
        { provide: WEBHOOK_SECRET, useValue: config.replicateWebhookSecret },
        {
          provide: PredictionNews,
          inject: [LogConnection, CommandRunner],
          useFactory: (log: LogConnection, runner: CommandRunner) => new PredictionNews(log, runner),
        },
        {
          provide: CommandRunner,
          inject: [LogConnection],
          useFactory: (log: LogConnection) => {
            const onConflict = () => metrics.appendConflicts.inc();
            return new CommandRunner(log.store, { source: SOURCE, onAppended: observeAppended(metrics), onConflict });
          },
        },
        { provide: TIMING, useValue: timing },
        { provide: HealthChecks, inject: [LiveHub, READ_MODELS, STORAGE], useFactory: gatewayChecks },
        {
          provide: KvQuotas,
          inject: [LogConnection],
          useFactory: (log: LogConnection) => new KvQuotas(log.quotas, log.store, clock),
        },
        {
          provide: UserLimitsQuery,
          inject: [LogConnection, KvQuotas],
          useFactory: (log: LogConnection, quotas: KvQuotas) => new UserLimitsQuery(quotas, log.slots),
        },
        {
          provide: UploadsService,
          inject: [STORAGE],
          useFactory: (storage: ImageStorage) => new UploadsService(storage, config.publicUrl),
        },
        {
          provide: GenerationsService,
          inject: [LogConnection, CommandRunner, LiveHub, READ_MODELS, KvQuotas, ModelCatalogue, STORAGE],
          useFactory: (
            log: LogConnection,
            runner: CommandRunner,
            live: LiveHub,
            readModels: ReadModels,
            quotas: KvQuotas,
            models: ModelCatalogue,
            storage: ImageStorage,
          ) => {
            const keys = new KvIdempotencyKeys(log.idempotencyKeys);
            const onRefused = (reason: QuotaWindow) => metrics.requestsRefused.inc({ reason });
            const admission = new Admission(quotas, log.store, { onRefused, clock });
            const { queue } = log;
            const own = new OwnImages(log.store, storage, config.publicUrl);
            return new GenerationsService(
              log.store,
              runner,
              keys,
              admission,
              live,
              readModels,
              config,
              queue,
              models,
              own,
            );
          },
        },
      ],
    };
  }

  onApplicationBootstrap(): void {
    this.log.open();
    this.live.start();
    this.models.start();
  }

  /** Before the server stops: whoever waits is answered, and the server has nothing left to wait for. */
  async onModuleDestroy(): Promise<void> {
    await this.live.close();
  }

  /** After the last answer. */
  async onApplicationShutdown(): Promise<void> {
    await this.models.close();
    await Promise.all([this.log.close(), this.readModels.close()]);
  }
}
