import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { leadOf, type Place, upperBound } from '../database/newest-first.js';
import type { TradeStatus } from './trade-state.js';
import { COLUMNS, type TradeRow } from './trades.repository.js';

export interface TradeFilter {
  /** Null: of all agents. */
  agentId: string | null;
  accountId?: string | undefined;
  status?: TradeStatus | undefined;
  symbol?: string | undefined;
  executionMode?: TradeRow['execution_mode'] | undefined;
  predictionId?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** Columns with an index on (column, seq); for an agent's status there is one on both, and an account's has the mode between. */
const LEADS = ['agent_id', 'account_id', 'status', 'symbol', 'execution_mode'];
/** Columns with an index on (column, entry_time, seq). */
const LEADS_BY_ENTRY = ['agent_id'];

/** Lists of trades, page by page; their cost does not grow with the table. */
@Injectable()
export class TradeListsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Where a page of a window begins; null when that trade is in no window. */
  async placeOf(seq: string): Promise<Place | null> {
    const [row] = await this.dataSource.sql<Place[]>`
      select entry_time::text as at, seq::text as seq from trades where seq = ${seq}::bigint and entry_time is not null`;
    return row ?? null;
  }

  /** Newest first, in the order of recording. */
  list(filter: TradeFilter, limit: number, after: string | undefined): Promise<TradeRow[]> {
    const lead = leadOf(LEADS, columnsOf(filter));
    const { predictionId = null } = filter;
    return this.dataSource.sql`
      select ${() => COLUMNS} from trades
      where ${() => lead.column} = any(${lead.values})
        and (${lead.rest('account_id')}::uuid is null or account_id = ${lead.rest('account_id')}::uuid)
        and (${lead.rest('status')}::text is null or status = ${lead.rest('status')}::text)
        and (${lead.rest('symbol')}::text is null or symbol = ${lead.rest('symbol')}::text)
        and (${lead.rest('execution_mode')}::text is null or execution_mode = ${lead.rest('execution_mode')}::text)
        and (${predictionId}::uuid is null or prediction_id = ${predictionId}::uuid)
        and (${after ?? null}::bigint is null or seq < ${after ?? null}::bigint)
      order by ${() => lead.order} seq desc limit ${limit + 1}`;
  }

  /** Newest first by entry time, so that an index leads straight to the window, however far back it lies. */
  listEntered(filter: TradeFilter, limit: number, after: Place | null): Promise<TradeRow[]> {
    const lead = leadOf(LEADS_BY_ENTRY, columnsOf(filter));
    const upper = upperBound(filter.to, after);
    const { predictionId = null, from = null } = filter;
    return this.dataSource.sql`
      select ${() => COLUMNS} from trades
      where ${() => lead.column} = any(${lead.values}) and entry_time is not null
        and (${lead.rest('account_id')}::uuid is null or account_id = ${lead.rest('account_id')}::uuid)
        and (${lead.rest('status')}::text is null or status = ${lead.rest('status')}::text)
        and (${lead.rest('symbol')}::text is null or symbol = ${lead.rest('symbol')}::text)
        and (${lead.rest('execution_mode')}::text is null or execution_mode = ${lead.rest('execution_mode')}::text)
        and (${predictionId}::uuid is null or prediction_id = ${predictionId}::uuid)
        and (${from}::timestamptz is null or entry_time >= ${from}::timestamptz)
        and (${upper.to}::timestamptz is null or entry_time < ${upper.to}::timestamptz)
        and (${upper.seq}::bigint is null or (entry_time, seq) < (${upper.at}::timestamptz, ${upper.seq}::bigint))
      order by ${() => lead.order} entry_time desc, seq desc limit ${limit + 1}`;
  }
}

const columnsOf = ({ agentId, accountId, status, symbol, executionMode }: TradeFilter) => ({
  agent_id: agentId, account_id: accountId, status, symbol, execution_mode: executionMode,
});
