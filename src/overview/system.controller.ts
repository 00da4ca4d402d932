import { Controller, Get } from '@nestjs/common';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { systemSchema } from './system.schemas.js';
import { SystemService } from './system.service.js';

@Controller('system')
export class SystemController {
  constructor(private readonly service: SystemService) {}

  @Get()
  @Allow({ person: 'viewer' })
  @Answers(systemSchema)
  get() {
    return this.service.get();
  }
}
