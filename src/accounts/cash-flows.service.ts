import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import type { Caller } from '../common/http/caller.js';
import { Exact } from '../common/decimal.js';
import { actorOf } from '../common/principal.js';
import { badRequest, Problem } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { AccountDaysService } from './account-days.service.js';
import { AccountsService } from './accounts.service.js';
import { type CashFlowFilter, type CashFlowRow, CashFlowsRepository } from './cash-flows.repository.js';
import type { createCashFlowSchema } from './cash-flows.schemas.js';

type Body = z.output<typeof createCashFlowSchema>;

@Injectable()
export class CashFlowsService {
  constructor(
    private readonly flows: CashFlowsRepository,
    private readonly accounts: AccountsService,
    private readonly days: AccountDaysService,
    private readonly events: Events,
  ) {}

  /**
   * Writes down money that came in or went out: a fact, which refuses change. The broker's deal makes it once.
   * @throws {Problem} 404; 409 CASH_FLOW_DIFFERS when the deal was told otherwise before
   */
  async record(tx: Tx, caller: Caller, accountId: string, body: Body): Promise<{ flow: CashFlowRow; repeated: boolean }> {
    const { id } = await this.accounts.lock(tx, accountId);
    const told = { kind: body.kind, amount: body.amount, at: body.at, broker_deal_id: body.brokerDealId ?? null };
    const made = await this.flows.insert(tx, { ...told, id: uuidv7(), account_id: id, recorded_by: actorOf(caller.principal), correlation_id: caller.correlationId });
    if (!made) return { flow: await this.first(tx, id, told), repeated: true };
    await this.days.settle(tx, id, made.at);
    await this.events.append(tx, caller, [
      { type: 'account.cash_flow', subjectId: made.id, accountId: id, data: { kind: made.kind, amount: made.amount, brokerDealId: made.broker_deal_id, at: made.at } },
    ]);
    return { flow: made, repeated: false };
  }

  private async first(tx: Tx, accountId: string, told: Pick<CashFlowRow, 'kind' | 'amount' | 'at' | 'broker_deal_id'>): Promise<CashFlowRow> {
    const first = await this.flows.byDeal(tx, accountId, told.broker_deal_id);
    if (!first) throw new Error('the deal is there, and is not');
    const different = [
      ...(first.kind === told.kind ? [] : ['kind']), ...(new Exact(first.amount).eq(told.amount) ? [] : ['amount']), ...(first.at === told.at ? [] : ['at']),
    ];
    if (different.length === 0) return first;
    throw new Problem(409, 'CASH_FLOW_DIFFERS', `Deal ${told.broker_deal_id} was told before with another ${different.join(' and ')}; facts do not change: record what is missing as a correction.`,
      { errors: different.map((path) => ({ path, message: 'was told otherwise before' })) });
  }

  async list(accountId: string, filter: CashFlowFilter, limit: number, cursor: string | undefined): Promise<CashFlowRow[]> {
    await this.accounts.get(accountId);
    const after = cursor === undefined ? null : await this.flows.placeOf(accountId, cursor);
    if (cursor !== undefined && !after) throw badRequest('VALIDATION_FAILED', 'is not a cursor that this list gave', 'cursor');
    return this.flows.list(accountId, filter, limit, after);
  }
}
