import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { Delivery, Handles, type RecordedEvent } from '@darkroom/events';
import { withWorkContext } from '../work-context.js';
import { Downloader } from './downloader.js';

@Controller()
export class DownloadController {
  constructor(private readonly downloader: Downloader) {}

  @Handles('work.download')
  download(@Payload() work: RecordedEvent, @Ctx() { signal }: Delivery): Promise<void> {
    return withWorkContext(work, () => this.downloader.download(work, signal));
  }
}
