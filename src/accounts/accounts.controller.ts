import { Body, Controller, Get, Param, Patch, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import { AccountDaysRepository } from './account-days.repository.js';
import { AccountsRepository } from './accounts.repository.js';
import { accountDetailSchema, accountParam, accountSchema, accountsQuery, changeAccountSchema, createAccountSchema, toAccount, toAccountDetail } from './accounts.schemas.js';
import { AccountsService } from './accounts.service.js';

type AccountParam = z.output<typeof accountParam>;

@Controller('accounts')
export class AccountsController {
  constructor(
    private readonly service: AccountsService,
    private readonly accounts: AccountsRepository,
    private readonly days: AccountDaysRepository,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Allow({ person: 'admin' })
  @Answers(accountSchema, 201)
  create(@Body({ schema: createAccountSchema }) body: z.output<typeof createAccountSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.run(this.idempotency, async (tx) => toAccount(await this.service.create(tx, caller, body)));
  }

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(accountSchema))
  async list(@Query({ schema: accountsQuery }) { limit, cursor, ...filter }: z.output<typeof accountsQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.accounts.list({ ...filter, id: await this.service.shown(caller) }, limit, cursor), limit, toAccount);
  }

  @Get(':accountId')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(accountDetailSchema)
  async get(@Param({ schema: accountParam }) { accountId }: AccountParam, @CurrentCaller() caller: Caller) {
    await this.service.mustSee(caller, accountId);
    return toAccountDetail(await this.service.get(accountId), await this.days.books(accountId));
  }

  @Patch(':accountId')
  @Allow({ person: 'admin' })
  @Answers(accountSchema)
  async change(@Param({ schema: accountParam }) { accountId }: AccountParam, @Body({ schema: changeAccountSchema }) body: z.output<typeof changeAccountSchema>, @CurrentCaller() caller: Caller) {
    return toAccount(await this.service.change(caller, accountId, body));
  }
}
