import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import { accountParam } from './accounts.schemas.js';
import { AccountsService } from './accounts.service.js';
import { cashFlowSchema, cashFlowsQuery, createCashFlowSchema, toCashFlow } from './cash-flows.schemas.js';
import { CashFlowsService } from './cash-flows.service.js';

type AccountParam = z.output<typeof accountParam>;

@Controller('accounts/:accountId/cash-flows')
export class CashFlowsController {
  constructor(
    private readonly service: CashFlowsService,
    private readonly accounts: AccountsService,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  // A withdrawal explains a fall, which then is no loss: so it is an administrator's word, as every loosening of a limit.
  @Allow({ person: 'admin' })
  @Answers(cashFlowSchema, 201)
  @Answers(cashFlowSchema, 200)
  create(@Param({ schema: accountParam }) { accountId }: AccountParam, @Body({ schema: createCashFlowSchema }) body: z.output<typeof createCashFlowSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    let repeated = false;
    return once.run(this.idempotency, async (tx) => {
      const recorded = await this.service.record(tx, caller, accountId, body);
      repeated = recorded.repeated;
      return toCashFlow(recorded.flow);
    }, { status: () => (repeated ? 200 : 201) });
  }

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(cashFlowSchema))
  async list(@Param({ schema: accountParam }) { accountId }: AccountParam, @Query({ schema: cashFlowsQuery }) { limit, cursor, ...filter }: z.output<typeof cashFlowsQuery>, @CurrentCaller() caller: Caller) {
    await this.accounts.mustSee(caller, accountId);
    return pageOf(await this.service.list(accountId, filter, limit, cursor), limit, toCashFlow);
  }
}
