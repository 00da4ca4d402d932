import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type Place, upperBound } from '../database/newest-first.js';
import type { Tx } from '../database/transaction.js';

export const CASH_FLOW_KINDS = ['deposit', 'withdrawal', 'credit', 'correction', 'bonus', 'transfer'] as const;
export type CashFlowKind = (typeof CASH_FLOW_KINDS)[number];

export interface CashFlowRow {
  seq: number;
  id: string;
  account_id: string;
  kind: CashFlowKind;
  /** What it adds to the balance. */
  amount: string;
  broker_deal_id: string | null;
  at: string;
  recorded_by: string;
  correlation_id: string | null;
  created_at: string;
}

export type NewCashFlow = Omit<CashFlowRow, 'seq' | 'created_at'>;

export interface CashFlowFilter {
  kind?: CashFlowKind | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

const WRITTEN = 'id, account_id, kind, amount, broker_deal_id, at, recorded_by, correlation_id';
const COLUMNS = `${WRITTEN}, seq, created_at`;

@Injectable()
export class CashFlowsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Null when the broker's deal is there already. */
  async insert(tx: Tx, flow: NewCashFlow): Promise<CashFlowRow | null> {
    const [row] = await tx.sql<CashFlowRow[]>`
      with made as (
        insert into account_cash_flows (${() => WRITTEN})
        values (${flow.id}, ${flow.account_id}, ${flow.kind}, ${flow.amount}, ${flow.broker_deal_id}, ${flow.at}, ${flow.recorded_by}, ${flow.correlation_id})
        on conflict (account_id, broker_deal_id) do nothing returning ${() => COLUMNS}
      ) select * from made`;
    return row ?? null;
  }

  async byDeal(tx: Tx, accountId: string, brokerDealId: string | null): Promise<CashFlowRow | null> {
    const [row] = await tx.sql<CashFlowRow[]>`
      select ${() => COLUMNS} from account_cash_flows where account_id = ${accountId} and broker_deal_id = ${brokerDealId}::text`;
    return row ?? null;
  }

  async placeOf(accountId: string, seq: string): Promise<Place | null> {
    const [row] = await this.dataSource.sql<Place[]>`
      select at::text as at, seq::text as seq from account_cash_flows where seq = ${seq}::bigint and account_id = ${accountId}`;
    return row ?? null;
  }

  /** Newest first by the broker's time: deposits are told late. */
  list(accountId: string, filter: CashFlowFilter, limit: number, after: Place | null): Promise<CashFlowRow[]> {
    const { kind = null, from = null } = filter;
    const upper = upperBound(filter.to, after);
    return this.dataSource.sql`
      select ${() => COLUMNS} from account_cash_flows
      where account_id = ${accountId} and (${kind}::text is null or kind = ${kind}::text)
        and (${from}::timestamptz is null or at >= ${from}::timestamptz)
        and (${upper.to}::timestamptz is null or at < ${upper.to}::timestamptz)
        and (${upper.seq}::bigint is null or (at, seq) < (${upper.at}::timestamptz, ${upper.seq}::bigint))
      order by at desc, seq desc limit ${limit + 1}`;
  }
}
