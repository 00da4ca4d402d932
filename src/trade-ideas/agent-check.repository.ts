import { Injectable } from '@nestjs/common';
import { timeText } from '../database/answer-text.js';
import type { Tx } from '../database/transaction.js';
import { agentSql, HALTS_OF_AGENT } from '../halts/halts.sql.js';
import { listedSymbol } from '../instruments/symbol-lookup.js';
import type { CheckFacts, ProbeFacts } from './agent-checks.js';

/** Prices are null without a quote. */
export type SymbolFacts = CheckFacts['symbols'][number] & Omit<ProbeFacts, 'ask' | 'bid'> & { bid: string | null; ask: string | null };

@Injectable()
export class AgentCheckRepository {
  /** @param keyId null: a person asks, and the key is the one that the agent used last */
  async facts(tx: Tx, agentId: string, keyId: string | null): Promise<Omit<CheckFacts, 'symbols'> & { account_id: string; own_symbols: string[] } | null> {
    const [row] = await tx.sql<(Omit<CheckFacts, 'symbols'> & { account_id: string; own_symbols: string[] })[]>`
      select ${() => timeText('clock.at')} as now, a.mode, a.retired_at is not null as retired, a.run, a.run_reason, s.status,
        ${() => HALTS_OF_AGENT(agentSql('a'))} as halts, a.state_version, s.observed_state_version, s.instance_id, extract(epoch from s.trading_lease_until - clock.at)::text as lease_seconds,
        a.account_id, c.name as account, s.account_mismatch, s.broker_account as told_account, s.broker_connected, s.trade_allowed, a.symbols as own_symbols,
        case when r.complete_received_at >= s.started_at then extract(epoch from clock.at - least(r.complete_as_of, r.complete_received_at))::text end as positions_seconds,
        (select jsonb_build_object('name', k.name, 'scopes', k.scopes, 'rate_limit_per_second', k.rate_limit_per_second,
          'expires_at', ${() => timeText('k.expires_at')}) from api_keys k
          where k.agent_id = a.id and (k.id = ${keyId}::uuid or (${keyId}::uuid is null and k.revoked_at is null and (k.expires_at is null or k.expires_at > clock.at)))
          order by k.last_used_at desc nulls last, k.created_at desc limit 1) as key
      from (select app_clock() as at) clock, agents a join accounts c on c.id = a.account_id join agent_state s on s.agent_id = a.id left join agent_reports r on r.agent_id = a.id
      where a.id = ${agentId}`;
    return row ?? null;
  }

  /** In the order given: whether the account lists it, its smallest size and its last price. @param asked `symbol` and `exchange` where no list says otherwise */
  symbols(tx: Tx, accountId: string, asked: readonly { told: string; symbol: string; exchange: string | null }[]): Promise<SymbolFacts[]> {
    return tx.sql`
      with w as (
        select n, told, coalesce(listed, symbol) as symbol, case when listed is null then exchange end as exchange from (
          select w.*, ${() => listedSymbol('w.account_id', 'w.told')} as listed from (
            select ${accountId}::uuid as account_id, g.* from jsonb_to_recordset(${JSON.stringify(asked.map((each, n) => ({ n, ...each })))}::jsonb) as g (n int, told text, symbol text, exchange text)
          ) w
        ) l
      )
      select w.told as symbol, i.id is not null as known, i.min_size, i.tick_size, coalesce(i.kind = 'binary', false) as is_binary, q.bid, q.ask,
        extract(epoch from app_clock() - least(q.quoted_at, q.received_at))::text as quote_seconds
      from w
      left join lateral (
        select * from instruments i where i.account_id = ${accountId} and i.symbol = w.symbol and (w.exchange is null or i.exchange is not distinct from w.exchange) order by i.seq limit 1
      ) i on true
      left join lateral (
        select * from quotes q where q.account_id = ${accountId} and q.symbol = any(array[w.told, w.symbol, w.exchange || ':' || w.symbol, i.broker_symbol]) order by q.quoted_at desc limit 1
      ) q on true
      order by w.n`;
  }
}
