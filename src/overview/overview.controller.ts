import { Controller, Get } from '@nestjs/common';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { overviewSchema } from './overview.schemas.js';
import { OverviewService } from './overview.service.js';

@Controller('overview')
export class OverviewController {
  constructor(private readonly service: OverviewService) {}

  @Get()
  @Allow({ person: 'viewer' })
  @Answers(overviewSchema)
  get() {
    return this.service.get();
  }
}
