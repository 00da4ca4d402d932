/** SQL of what a book holds. Numbers are text in it: in JSON they would lose digits. `a` stands for an account's id, `m` for an execution mode. */
import { numericText, timeText } from '../../database/answer-text.js';
import { beingClosed } from '../../trades/being-closed.sql.js';

export const timeOf = (column: string) => timeText(`date_trunc('milliseconds', ${column})`);

/** Of a row of instruments; null without one. */
export const TERMS = (i: string) => `case when ${i}.id is not null then jsonb_build_object('brokerSymbol', ${i}.broker_symbol, 'kind', ${i}.kind, 'sizeUnit', ${i}.size_unit,
  'contractSize', ${numericText(`${i}.contract_size`)}, 'tickSize', ${numericText(`${i}.tick_size`)}, 'tickValue', ${numericText(`${i}.tick_value`)}, 'tickValueCurrency', ${i}.tick_value_currency,
  'minSize', ${numericText(`${i}.min_size`)}, 'sizeStep', ${numericText(`${i}.size_step`)}, 'maxSize', ${numericText(`${i}.max_size`)}, 'stopLevel', ${numericText(`${i}.stop_level`)}, 'baseCurrency', ${i}.base_currency,
  'quoteCurrency', ${i}.quote_currency, 'underlying', ${i}.underlying, 'sessions', ${i}.sessions, 'closesAt', ${timeOf(`${i}.closes_at`)}) end`;

/** The account's instrument of a row with symbol, exchange and product: of its product, or of the symbol whatever the product. */
export const INSTRUMENT = (account: string, row: string) => `
  select * from instruments where account_id = ${account} and symbol = ${row}.symbol and exchange is not distinct from ${row}.exchange
    and (product is null or product = ${row}.product)
  order by product nulls last limit 1`;

/** The newest quote under any name of the instrument: agents send them as their broker calls it. */
export const QUOTE = (account: string, row: string) => `
  select * from quotes where account_id = ${account} and symbol = any(array[${row}.symbol, ${row}.broker_symbol, ${row}.exchange || ':' || ${row}.symbol]
    || array(select i.broker_symbol from instruments i where i.account_id = ${account} and i.symbol = ${row}.symbol and i.exchange is not distinct from ${row}.exchange))
  order by quoted_at desc limit 1`;

/**
 * An account's quotes that say what a currency is worth in another, at the middle: pairs of currencies by their name, coins by the terms of
 * the account's instruments, since the name of one does not say what it is.
 */
export const RATES = (account: string) => `coalesce((select jsonb_agg(jsonb_build_object('symbol', x.symbol, 'base', x.base, 'quote', x.quote, 'mid', ${numericText('(x.bid + x.ask) * 0.5')}, 'asOf', ${timeOf('least(x.quoted_at, x.received_at)')}))
  from (
    select symbol, null as base, null as quote, bid, ask, quoted_at, received_at from quotes where account_id = ${account} and symbol ~* '^[#._]?(frx|m|[a-z]+:)?[a-z]{3}[/._ -]?[a-z]{3}'
    union all
    select c.symbol, i.base_currency, i.quote_currency, c.bid, c.ask, c.quoted_at, c.received_at from instruments i
      join quotes c on c.account_id = i.account_id and c.symbol in (i.symbol, i.broker_symbol, i.exchange || ':' || i.symbol)
    where i.account_id = ${account} and i.kind = 'crypto' and i.base_currency is not null and c.bid > 0
  ) x), '[]')`;

/**
 * Trades that are not over, and what is reserved. A trade counts with what is open and what may still enter: all of it before it
 * entered, and as long as its command or an entry order at the broker goes on, what that lacks. A reservation whose trade is
 * there is none: one snapshot shows either, never both and never neither.
 */
export const HELD = (a: string, m: string) => `
  select 'trade' as kind, t.id, t.agent_id, r.proposer_id, r.strategy_id, t.symbol, t.broker_symbol, t.exchange, t.product, t.direction, t.outcome, t.origin = 'external' as external,
    case when t.status = 'pending' then greatest(t.lot_size, case when c.finished_at is null then r.size end)
      else t.open_size + greatest(case when c.id is not null and c.finished_at is null then greatest(t.lot_size, r.size) - coalesce(t.entered_size, t.lot_size) end, o.size, 0) end as size,
    coalesce(t.entry_price, r.entry_price) as entry_price, case when t.status = 'pending' then coalesce(t.stop_loss, r.stop) else t.stop_loss end as stop,
    case when t.outcome is not null then greatest(-coalesce(t.commission, 0) - coalesce(t.fee, 0), 0) end as fees, t.status, t.open_size, t.point_value, t.net_profit, t.seq
  from trades t left join reservations r on r.command_id = t.command_id left join agent_commands c on c.id = t.command_id
    left join lateral (
      select sum(greatest(w.size - coalesce(w.filled_size, 0), 0)) as size from working_orders w where w.trade_id = t.id and w.role = 'entry' and w.missing_since is null and t.status <> 'pending'
    ) o on true
  where t.account_id = ${a} and t.execution_mode = ${m} and t.finished_at is null
  union all
  select 'reservation', r.command_id, r.agent_id, r.proposer_id, r.strategy_id, r.symbol, r.broker_symbol, r.exchange, r.product, r.direction, r.outcome, false,
    r.size, r.entry_price, r.stop, null, null, 0, null, null, r.seq
  from held_reservations r where r.account_id = ${a} and r.execution_mode = ${m}`;

/** By commands that have not ended, as far as anybody knows. */
const NOT_ENDED = `k.status in ('queued', 'leased', 'waiting_for_market', 'unknown')`;

/** Of a binary the quote is that of yes; no costs what is left to 1. */
const BID = `case when h.outcome = 'no' then 1 - q.ask else q.bid end`;
const ASK = `case when h.outcome = 'no' then 1 - q.bid else q.ask end`;

/** Rows of HELD, each marked at the side that it would be closed at, as what the rules read. */
export const HELD_JSON = (held: string, account: string) => `
  select coalesce(jsonb_agg(jsonb_build_object('kind', h.kind, 'id', h.id, 'agentId', h.agent_id, 'proposerId', h.proposer_id, 'strategyId', h.strategy_id, 'external', h.external,
    'holding', jsonb_build_object('symbol', h.symbol, 'exchange', h.exchange, 'terms', ${TERMS('i')}, 'direction', h.direction, 'outcome', h.outcome, 'size', ${numericText('h.size')},
      'entryPrice', coalesce(${numericText('h.entry_price')}, ${numericText(`case h.direction when 'long' then ${ASK} else ${BID} end`)}, ''),
      'markPrice', ${numericText(`case h.direction when 'long' then ${BID} else ${ASK} end`)}, 'stop', ${numericText('h.stop')}, 'fees', ${numericText('h.fees')}),
    'product', h.product, 'reducible', ${numericText(`greatest(h.open_size - ${beingClosed('h.id', NOT_ENDED)}, 0)`)}) order by h.kind, h.seq), '[]')
  from ${held} h left join lateral (${INSTRUMENT(account, 'h')}) i on true left join lateral (${QUOTE(account, 'h')}) q on true`;
