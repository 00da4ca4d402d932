import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import type { BreakerName } from './breakers.js';

/** What a decision is about. */
export interface TestedBy {
  accountId: string;
  executionMode: string;
  /** Executor and proposer. */
  agentIds: readonly string[];
  strategyId: string | null;
  /** Canonical. */
  symbol: string;
}

export interface TestingBreaker {
  breaker: BreakerName;
  /** Above 0, at most 1: of the largest size. */
  sizeFraction: string;
}

/** Breakers that let a little through to see whether all is well again. */
@Injectable()
export class BreakerTests {
  /** Those whose test a decision is part of. Read after the account was locked. */
  testingFor(tx: Tx, { accountId, executionMode, agentIds, symbol }: TestedBy): Promise<TestingBreaker[]> {
    return tx.sql`
      select s.name as breaker, b.reset ->> 'testingSizeFraction' as "sizeFraction" from breaker_states s join circuit_breakers b on b.name = s.name
      where s.account_id = ${accountId}::uuid and s.execution_mode = ${executionMode} and s.state = 'testing' and b.enabled and b.reset ->> 'rule' = 'staged'
        and case s.scope_type when 'account' then true when 'agent' then s.scope_id = any(${agentIds}::text[]) else s.scope_id = ${symbol} end
      order by s.name, s.scope_id`;
  }
}
