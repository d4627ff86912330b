import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { Delivery, Handles, type RecordedEvent } from '@darkroom/events';
import { withWorkContext } from '../work-context.js';
import { Canceller } from './canceller.js';
import { Generator } from './generator.js';

@Controller()
export class GenerateController {
  constructor(
    private readonly generator: Generator,
    private readonly canceller: Canceller,
  ) {}

  @Handles('work.generate')
  generate(@Payload() work: RecordedEvent, @Ctx() delivery: Delivery): Promise<void> {
    const { signal, deliveryCount } = delivery;
    return withWorkContext(work, () => this.generator.generate(work, signal, delivery, deliveryCount === 1));
  }

  @Handles('work.cancel')
  cancel(@Payload() work: RecordedEvent, @Ctx() { signal, predictionId }: Delivery): Promise<void> {
    return withWorkContext(work, () => this.canceller.cancel(work, predictionId, signal));
  }
}
