import { Controller, Get, Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { accountDaySchema, accountDaysQuery, toAccountDay } from './account-days.schemas.js';
import { AccountDaysService } from './account-days.service.js';
import { accountParam } from './accounts.schemas.js';
import { AccountsService } from './accounts.service.js';

@Controller('accounts/:accountId/days')
export class AccountDaysController {
  constructor(
    private readonly days: AccountDaysService,
    private readonly accounts: AccountsService,
  ) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(accountDaySchema))
  async list(@Param({ schema: accountParam }) { accountId }: z.output<typeof accountParam>, @Query({ schema: accountDaysQuery }) { limit, cursor, ...filter }: z.output<typeof accountDaysQuery>, @CurrentCaller() caller: Caller) {
    await this.accounts.mustSee(caller, accountId);
    await this.accounts.get(accountId);
    return pageOf(await this.days.list(accountId, filter, limit, cursor), limit, toAccountDay);
  }
}
