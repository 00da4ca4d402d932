import type { TestDatabase } from './database.js';

/** A trade as it may stand in the table, whoever put it there: agents, imports, the broker's own report. */
export interface TradeRowGiven {
  agentId: string;
  accountId: string;
  executionMode?: string;
  status?: string;
  origin?: string;
  symbol?: string;
  direction?: string;
  entryTime?: string | null;
  /** Of closed trades; they need one. */
  exitTime?: string;
  grossProfit?: string | null;
  commission?: string | null;
  swap?: string | null;
  fee?: string | null;
}

const FINISHED = ['closed', 'rejected', 'cancelled', 'expired'];

let orders = 0;

/** Stores trades in the order given, so that `seq` follows it. Answers their ids in that order. */
export async function storeTrades(db: TestDatabase, trades: TradeRowGiven[]): Promise<string[]> {
  const rows = trades.map((given, n) => {
    const { executionMode = 'paper', status = 'closed', origin = 'ungated', symbol = 'EURUSD', direction = 'long', entryTime = '2026-01-05T00:00:00Z' } = given;
    const closed = status === 'closed';
    return {
      n, agent_id: given.agentId, account_id: given.accountId, client_order_id: `row-${++orders}`, symbol, direction, execution_mode: executionMode, origin, status,
      entry_time: ['open', 'closing', 'closed', 'unknown'].includes(status) ? entryTime : null, exit_time: closed ? given.exitTime : null,
      finished: FINISHED.includes(status), gross_profit: given.grossProfit ?? null, commission: given.commission ?? null, swap: given.swap ?? null, fee: given.fee ?? null,
    };
  });
  const made = await db.query<{ id: string }>(
    `with given as (select * from jsonb_to_recordset($1::jsonb) as t (n int, agent_id uuid, account_id uuid, client_order_id text, symbol text, direction text,
       execution_mode text, origin text, status text, entry_time timestamptz, exit_time timestamptz, finished boolean, gross_profit numeric, commission numeric,
       swap numeric, fee numeric)),
     made as (
       insert into trades (id, agent_id, account_id, client_order_id, symbol, direction, lot_size, entry_price, entry_time, execution_mode, origin, status,
         exit_price, exit_time, exit_reason, gross_profit, commission, swap, fee, request_hash, finished_at)
       select gen_random_uuid(), agent_id, account_id, client_order_id, symbol, direction, 1, 1, entry_time, execution_mode, origin, status,
         case when status = 'closed' then 1 end, exit_time, case when status = 'closed' then 'signal' end, gross_profit, commission, swap, fee, 'x',
         case when finished then app_clock() end
       from given order by n returning id, seq)
     select id from made order by seq`,
    [JSON.stringify(rows)],
  );
  return made.map(({ id }) => id);
}
