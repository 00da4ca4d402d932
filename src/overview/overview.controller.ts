import { Controller, Get } from '@nestjs/common';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { unavailable } from '../common/problem.js';
import { overviewSchema } from './overview.schemas.js';

@Controller('overview')
export class OverviewController {
  @Get()
  @Allow({ person: 'viewer' })
  @Answers(overviewSchema)
  get() {
    throw unavailable('NOT_YET', 'comes with the next commit');
  }
}
