import { Controller, Get, Param } from '@nestjs/common';
import { Allow } from '../auth/access.js';
import { idParam } from '../common/fields.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { whySchema } from './why.schemas.js';
import { WhyService } from './why.service.js';

@Controller('why')
export class WhyController {
  constructor(private readonly service: WhyService) {}

  @Get(':id')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(whySchema)
  get(@Param({ schema: idParam() }) { id }: { id: string }, @CurrentCaller() caller: Caller) {
    return this.service.ask(caller, id);
  }
}
