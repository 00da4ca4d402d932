import { Controller, Get, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { exposureQuery, exposuresSchema } from './exposure.schemas.js';
import { ExposureService } from './exposure.service.js';

@Controller('risk/exposure')
export class ExposureController {
  constructor(private readonly service: ExposureService) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(exposuresSchema)
  list(@Query({ schema: exposureQuery }) { limit, cursor, accountId, executionMode }: z.output<typeof exposureQuery>, @CurrentCaller() caller: Caller) {
    return this.service.list(caller, accountId, executionMode, limit, cursor);
  }
}
