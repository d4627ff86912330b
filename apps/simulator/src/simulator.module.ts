import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { CreateController } from './api/create.controller.js';
import { PredictionsController } from './api/predictions.controller.js';
import { ProblemFilter } from './api/problem.js';
import { RateLimit } from './api/rate-limit.js';
import { ControlController } from './control/control.controller.js';
import { Counters } from './control/counters.js';
import { FaultScript } from './control/fault-script.js';
import { SimulatorControl } from './control/simulator-control.js';
import { FilesController } from './files/files.controller.js';
import { Journal } from './journal/journal.js';
import { Restart } from './journal/restart.js';
import { Lifetime } from './lifetime.js';
import { PredictionRuns } from './predictions/prediction-runs.js';
import { PredictionStore } from './predictions/prediction-store.js';
import { SimulatorSettings } from './settings.js';
import { UploadedFiles } from './uploads/uploaded-files.js';
import { UploadsController } from './uploads/uploads.controller.js';
import { WebhookSender } from './webhooks/webhook-sender.js';

/** One simulator: its state is in its providers, in memory; the journal keeps what outlives it. */
@Module({})
export class SimulatorModule {
  static register(settings: SimulatorSettings): DynamicModule {
    return {
      module: SimulatorModule,
      controllers: [CreateController, PredictionsController, FilesController, UploadsController, ControlController],
      providers: [
        { provide: SimulatorSettings, useValue: settings },
        { provide: APP_FILTER, useClass: ProblemFilter },
        Lifetime,
        PredictionStore,
        PredictionRuns,
        Journal,
        Restart,
        FaultScript,
        Counters,
        RateLimit,
        WebhookSender,
        UploadedFiles,
        SimulatorControl,
      ],
    };
  }
}
