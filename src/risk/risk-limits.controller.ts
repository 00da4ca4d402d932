import { Body, Controller, Get, Param, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import { AccountsService } from '../accounts/accounts.service.js';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { IfMatch, type Precondition, Tagged, type Tagging } from '../common/http/if-match.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { historyQuery, historySchema, toHistory } from './risk-config.schemas.js';
import { effectiveQuery, effectiveSchema, limitsSchema, ofAccount, ofAgent, ofStrategy, putLimitsSchema } from './risk-limits.schemas.js';
import type { Scope } from './risk-limits.repository.js';
import { RiskLimitsService } from './risk-limits.service.js';

type Put = z.output<typeof putLimitsSchema>;
type Page = z.output<typeof historyQuery>;

@Controller('limits')
export class RiskLimitsController {
  constructor(
    private readonly service: RiskLimitsService,
    private readonly accounts: AccountsService,
  ) {}

  @Get('effective')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(effectiveSchema)
  effective(@Query({ schema: effectiveQuery }) { agentId, strategyId }: z.output<typeof effectiveQuery>, @CurrentCaller() caller: Caller) {
    return this.service.effective(agentShown(caller, agentId), strategyId ?? null);
  }

  @Get('account/:accountId')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(limitsSchema)
  async ofAccount(@Param({ schema: ofAccount }) { accountId }: z.output<typeof ofAccount>, @CurrentCaller() caller: Caller, @Tagged() tag: Tagging) {
    await this.accounts.mustSee(caller, accountId);
    return tag.answer(await this.service.get('account', accountId));
  }

  @Put('account/:accountId')
  @Allow({ person: 'admin' })
  @Answers(limitsSchema)
  putAccount(@Param({ schema: ofAccount }) { accountId }: z.output<typeof ofAccount>, @Body({ schema: putLimitsSchema }) body: Put, @IfMatch() match: Precondition, @CurrentCaller() caller: Caller) {
    return this.put('account', accountId, body, match, caller);
  }

  @Get('account/:accountId/history')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(historySchema))
  async accountHistory(@Param({ schema: ofAccount }) { accountId }: z.output<typeof ofAccount>, @Query({ schema: historyQuery }) { limit, cursor }: Page, @CurrentCaller() caller: Caller) {
    await this.accounts.mustSee(caller, accountId);
    return pageOf(await this.service.history('account', accountId, limit, cursor), limit, toHistory);
  }

  @Get('agent/:agentId')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(limitsSchema)
  async ofAgent(@Param({ schema: ofAgent }) { agentId }: z.output<typeof ofAgent>, @Tagged() tag: Tagging) {
    return tag.answer(await this.service.get('agent', agentId));
  }

  @Put('agent/:agentId')
  @Allow({ person: 'admin' })
  @Answers(limitsSchema)
  putAgent(@Param({ schema: ofAgent }) { agentId }: z.output<typeof ofAgent>, @Body({ schema: putLimitsSchema }) body: Put, @IfMatch() match: Precondition, @CurrentCaller() caller: Caller) {
    return this.put('agent', agentId, body, match, caller);
  }

  @Get('agent/:agentId/history')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(historySchema))
  async agentHistory(@Param({ schema: ofAgent }) { agentId }: z.output<typeof ofAgent>, @Query({ schema: historyQuery }) { limit, cursor }: Page) {
    return pageOf(await this.service.history('agent', agentId, limit, cursor), limit, toHistory);
  }

  @Get('strategy/:strategyId')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(limitsSchema)
  async ofStrategy(@Param({ schema: ofStrategy }) { strategyId }: z.output<typeof ofStrategy>, @Tagged() tag: Tagging) {
    return tag.answer(await this.service.get('strategy', strategyId));
  }

  @Put('strategy/:strategyId')
  @Allow({ person: 'admin' })
  @Answers(limitsSchema)
  putStrategy(@Param({ schema: ofStrategy }) { strategyId }: z.output<typeof ofStrategy>, @Body({ schema: putLimitsSchema }) body: Put, @IfMatch() match: Precondition, @CurrentCaller() caller: Caller) {
    return this.put('strategy', strategyId, body, match, caller);
  }

  @Get('strategy/:strategyId/history')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(historySchema))
  async strategyHistory(@Param({ schema: ofStrategy }) { strategyId }: z.output<typeof ofStrategy>, @Query({ schema: historyQuery }) { limit, cursor }: Page) {
    return pageOf(await this.service.history('strategy', strategyId, limit, cursor), limit, toHistory);
  }

  private async put(scope: Scope, id: string, body: Put, match: Precondition, caller: Caller) {
    match.of({ ...(await this.service.get(scope, id)), currency: await this.service.currencyOf(scope, id) }, body);
    return match.answer(await this.service.put(caller, scope, id, match.version, body));
  }
}
