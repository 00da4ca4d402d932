import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { IdeasService } from './ideas.service.js';
import { checkedSchema, type Proposal, proposeSchema } from './trade-ideas.schemas.js';

@Controller('risk/check')
export class RiskCheckController {
  constructor(private readonly ideas: IdeasService) {}

  @Post()
  @HttpCode(200)
  @Allow({ person: 'operator', agent: 'ideas' })
  @Answers(checkedSchema)
  check(@Body({ schema: proposeSchema }) body: Proposal, @CurrentCaller() caller: Caller) {
    return this.ideas.check(caller, body);
  }
}
