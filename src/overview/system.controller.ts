import { Controller, Get } from '@nestjs/common';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { unavailable } from '../common/problem.js';
import { systemSchema } from './system.schemas.js';

@Controller('system')
export class SystemController {
  @Get()
  @Allow({ person: 'viewer' })
  @Answers(systemSchema)
  get() {
    throw unavailable('NOT_YET', 'comes with the next commit');
  }
}
