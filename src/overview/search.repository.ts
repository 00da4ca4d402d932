import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { numericText } from '../database/answer-text.js';
import { type FoundKind, SEARCH_MOST } from './search.schemas.js';

export interface FoundRow {
  kind: FoundKind;
  id: string;
  title: string;
  detail: string;
  exact: boolean;
}

/** Symbols stand in the lists of many accounts. */
const SYMBOL_ROWS_MOST = 2_000;

/** As `each`, of which SEARCH_MOST are read, and only then joined to what names them. */
const found = (kind: FoundKind, { from, where, order, title, detail, joins = '', exact }: Record<'from' | 'where' | 'order' | 'title' | 'detail' | 'exact', string> & { joins?: string }) => `
  select '${kind}' as kind, x.id::text as id, ${title} as title, ${detail} as detail, ${exact} as exact
  from (select * from ${from} where ${where} order by ${order} limit ${SEARCH_MOST}) x ${joins}`;

const AGENT = 'join agents g on g.id = x.agent_id';
const words = (...parts: string[]) => `concat_ws(', ', ${parts.join(', ')})`;

const SHOWN = {
  agent: { from: 'agents', title: 'x.name', detail: words('x.mode', 'n.name', `case when x.retired_at is not null then 'retired' end`), joins: 'join accounts n on n.id = x.account_id' },
  account: { from: 'accounts', title: 'x.name', detail: words('x.kind', 'x.currency', 'x.broker') },
  strategy: { from: 'strategies', title: 'x.name', detail: `case when x.retired_at is null then 'in use' else 'retired' end` },
  source: { from: 'webhook_sources', title: 'x.name', detail: words('x.action', `case when x.retired_at is not null then 'retired' end`) },
  trade: { from: 'trades', title: `concat_ws(' ', x.symbol, x.direction, x.outcome, ${numericText('x.lot_size')})`, detail: words('x.status', 'x.execution_mode', 'g.name', 'x.client_order_id'), joins: AGENT },
  command: { from: 'agent_commands', title: 'x.type', detail: words('x.status', 'g.name'), joins: AGENT },
  idea: { from: 'trade_ideas', title: `concat_ws(' ', x.symbol, x.direction, x.outcome, ${numericText('x.lot_size')})`, detail: words('x.status', 'x.execution_mode', 'g.name'), joins: 'join agents g on g.id = x.executor_id' },
  prediction: { from: 'predictions', title: `concat_ws(' ', x.symbol, x.direction)`, detail: words('x.model', 'g.name'), joins: AGENT },
  decision: { from: 'decision_history', title: 'x.type', detail: `coalesce(g.name, '')`, joins: 'left join agents g on g.id = x.agent_id' },
  archived: { from: 'archived_decisions', title: 'x.type', detail: words('g.name', `'archived'`), joins: 'left join agents g on g.id = x.agent_id' },
  alert: { from: 'alerts', title: `coalesce(nullif(x.symbol, ''), 'alert')`, detail: words('x.status', 's.name'), joins: 'join webhook_sources s on s.id = x.source_id' },
  halt: { from: 'halts', title: `concat_ws(' ', x.mode, 'of', case x.scope_type when 'global' then 'everything' else x.scope_type end, case x.scope_type when 'symbol' then x.scope_id end)`, detail: 'left(x.reason, 200)' },
  incident: { from: 'incidents', title: 'x.kind', detail: 'left(x.summary, 200)' },
} as const;
type Table = keyof typeof SHOWN;

/** A beginning of a UUID is a range of UUIDs: each kind by the index of its ids. $1 and $2: its ends, the same for a whole one. */
const BY_ID = (Object.keys(SHOWN) as Table[]).map((kind) => found(kind === 'archived' ? 'decision' : kind, { ...SHOWN[kind], where: 'id between $1::uuid and $2::uuid', order: 'id desc', exact: '$1::uuid = $2::uuid' })).map((each) => `(${each})`).join(' union all ');

const BEGINS = (column: string) => `${column} ~>=~ $2 and ${column} ~<~ $3`;
const NAMED = (['agent', 'account', 'strategy', 'source'] as const).map((kind) => found(kind, {
  ...SHOWN[kind], where: BEGINS('lower(name)'), order: 'lower(name) using ~<~', exact: 'lower(x.name) = $2',
}));
/** What brokers and clients number; an account at a time where the index begins with it. */
const OF_ACCOUNTS = 'account_id = any(array(select id from accounts))';
const trade = (where: string, exact = 'true', order = 'seq desc') => found('trade', { ...SHOWN.trade, where, order, exact });
const BY_TEXT = [
  ...NAMED,
  trade('client_order_id ~>=~ $1 and client_order_id ~<~ $4', 'x.client_order_id = $1', 'client_order_id using ~<~, seq'),
  trade('order_tag = upper($1)'), trade(`${OF_ACCOUNTS} and broker_position_id = $1`), trade(`${OF_ACCOUNTS} and broker_order_id = $1`), trade('broker_ticket = $1'),
  trade('id = any(array(select trade_id from trade_fills where broker_deal_id = $1 limit 20))'),
  found('command', { ...SHOWN.command, where: `type = 'open_trade' and payload ->> 'orderTag' = upper($1)`, order: 'seq desc', exact: 'true' }),
  `select 'symbol', symbol, symbol, concat_ws(' ', 'on', accounts, case accounts when 1 then 'account' else 'accounts' end), symbol = upper($1) from (
    select symbol, count(distinct account_id) as accounts from (select symbol, account_id from instruments where symbol ~>=~ upper($1) and symbol ~<~ (upper($1) || $5) order by symbol using ~<~ limit ${SYMBOL_ROWS_MOST}) i group by symbol order by symbol limit ${SEARCH_MOST}) s`,
  `select 'symbol', symbol, symbol, concat_ws(' ', 'called', $1::text, 'by a broker'), true from (select distinct symbol from instruments where broker_symbol = $1 and symbol <> upper($1) limit ${SEARCH_MOST}) b`,
  `select 'symbol', upper($1), upper($1), 'of trades', true where exists (select from (select 1 from trades where symbol = any(array[upper($1)]) order by symbol, seq limit 1) t) and not exists (select from instruments where symbol = upper($1))`,
].map((each) => `(${each})`).join(' union all ');

/** Sorts behind everything that goes on after a beginning. */
const LAST = '\u{10FFFF}';

@Injectable()
export class SearchRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** By ids from the one to the other. */
  byId(from: string, to: string): Promise<FoundRow[]> {
    return this.dataSource.query(BY_ID, [from, to]);
  }

  /** By names, numbers and symbols. */
  byText(text: string): Promise<FoundRow[]> {
    const lower = text.toLowerCase();
    return this.dataSource.query(BY_TEXT, [text, lower, lower + LAST, text + LAST, LAST]);
  }
}
