import { Injectable } from '@nestjs/common';
import { mustOwn } from '../auth/own-rows.js';
import { Exact } from '../common/decimal.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { conflict, notFound, Problem } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { Events, type NewEvent } from '../events/events.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import { type AnsweredFill, type FillRow, FillsRepository, type NewFill } from './fills.repository.js';
import type { FillBody } from './fills.schemas.js';
import { differingFields, factsOf } from './request-facts.js';
import { asTold, stepEvent } from './trade-change.js';
import { FACT_AGE_DAYS_MAX, FACT_AGE_SECONDS_MAX, LATE_AFTER_SECONDS, secondsBetween } from './trade-times.js';
import { type TradeRow, TradesRepository } from './trades.repository.js';
import { TradesService } from './trades.service.js';

/** Each change reads all of a trade's fills; one that has more is another trade. */
const FILLS_OF_TRADE_MAX = 10_000;

/** What ends with the trade. */
const ABOUT_HELD = ['EXTERNAL_POSITION', 'EXTERNAL_ORDER', 'POSITION_MISSING'] as const;
/** The deals of an adopted trade are those of a trade of ours. */
const TAKEN = 'DEALS_TAKEN';

@Injectable()
export class FillsService {
  constructor(
    private readonly fills: FillsRepository,
    private readonly trades: TradesRepository,
    private readonly service: TradesService,
    private readonly events: Events,
    private readonly incidents: Incidents,
  ) {}

  /**
   * Writes down what the broker did for a trade, whatever its status, and makes the trade follow: one line of history and
   * its events. A deal that is known is answered and changes nothing. All or none.
   * @param isList whether a refusal names the place in `items`
   * @throws {Problem} 409 FILL_DEAL_TAKEN, CURRENCY_MISMATCH, TRADE_FACT_TOO_OLD, FILLS_TOO_MANY; 404, 403 as for reading
   */
  async add(tx: Tx, caller: Caller, id: string, bodies: FillBody[], isList: boolean): Promise<{ trade: TradeRow; items: AnsweredFill[] }> {
    const place = (index: number, field = '') => [...(isList ? [`items.${index}`] : []), ...(field ? [field] : [])].join('.');
    const nameless = caller.principal.kind === 'user' ? bodies.findIndex(({ reason }) => reason == null) : -1;
    if (nameless >= 0) throw refusal(400, 'VALIDATION_FAILED', 'is needed from a person', place(nameless, 'reason'));
    const trade = await this.trades.lock(tx, id);
    if (!trade) throw notFound('trade');
    mustOwn(caller, trade.agent_id);
    return this.record(tx, caller, trade, bodies, place);
  }

  /** The same for whoever speaks for the whole account, whose trade it may be. The trade must be locked. @param place in the request, of a refusal */
  async record(tx: Tx, caller: Caller, trade: TradeRow, bodies: FillBody[], place: (index: number, field: string) => string): Promise<{ trade: TradeRow; items: AnsweredFill[] }> {
    const currency = await this.fills.currency(tx, trade.account_id);
    const foreign = bodies.findIndex((body) => body.currency != null && body.currency !== currency);
    if (foreign >= 0) throw refusal(409, 'CURRENCY_MISMATCH', `The fill is in ${bodies[foreign]?.currency}, the account in ${currency}.`, place(foreign, 'currency'));
    const now = await this.trades.now(tx);
    const told = bodies.map((body) => toNew(body, now, actorOf(caller.principal)));
    const made = await this.fills.insert(tx, trade, onePerDeal(told), caller.correlationId);
    const known = await this.known(tx, trade, told, made);
    const moved = trade.origin === 'external' ? [] : await this.takeOver(tx, caller, trade, told, known);
    made.push(...moved);
    const items = answered(trade, told, made, known.filter(({ id }) => !moved.some((fill) => fill.id === id)), place);
    if (made.length === 0) return { trade, items };
    const old = told.findIndex((fill, index) => items[index]?.differs === null && secondsBetween(fill.filled_at, now) > FACT_AGE_SECONDS_MAX);
    if (old >= 0 && caller.principal.kind !== 'user') throw refusal(409, 'TRADE_FACT_TOO_OLD', `A fill may be ${FACT_AGE_DAYS_MAX} days old; older ones are for a person to add.`, place(old, 'at'));
    if ((await this.fills.count(tx, trade.id)) > FILLS_OF_TRADE_MAX) throw conflict('FILLS_TOO_MANY', `A trade has ${FILLS_OF_TRADE_MAX} fills at most.`);
    return { trade: await this.follow(tx, caller, trade, made), items };
  }

  /** What is there of the deals that were not made now. */
  private async known(tx: Tx, trade: TradeRow, told: NewFill[], made: FillRow[]): Promise<FillRow[]> {
    const mine = new Set(made.map(keyOf));
    const deals = [...new Set(told.filter((fill) => !mine.has(keyOf(fill))).map(({ broker_deal_id }) => broker_deal_id))];
    return deals.length === 0 ? [] : this.fills.byDeals(tx, trade, deals);
  }

  /** What was adopted because its agent had not told it yet. Only what was told in the same size: a part of a deal is nobody else's whole. */
  private async takeOver(tx: Tx, caller: Caller, trade: TradeRow, told: readonly NewFill[], known: readonly FillRow[]): Promise<FillRow[]> {
    const sizes = new Map(told.map((fill) => [keyOf(fill), fill.size]));
    const foreign = known.filter((fill) => fill.trade_id !== trade.id && new Exact(fill.size).eq(sizes.get(keyOf(fill)) ?? 0));
    if (foreign.length === 0) return [];
    const moves = await this.fills.moveFromAdopted(tx, foreign.map(({ id }) => id), trade, actorOf(caller.principal));
    for (const id of new Set(moves.map(({ from_trade_id }) => from_trade_id))) await this.leave(tx, caller, id, trade.id);
    const taken = new Set(moves.map(({ fill_id }) => fill_id));
    return foreign.filter(({ id }) => taken.has(id)).map((fill) => ({ ...fill, trade_id: trade.id }));
  }

  /** An adopted trade without the deals that were another's; one that nobody ever saw at the broker was never there. */
  private async leave(tx: Tx, caller: Caller, id: string, takenBy: string): Promise<void> {
    const adopted = await this.trades.lock(tx, id);
    if (!adopted) throw new Error('an adopted trade was there, and is not');
    const left = await this.fills.count(tx, id);
    const told = asTold(adopted);
    const status = left === 0 && told.entry_time === null ? 'cancelled' : told.status;
    const occurredAt = await this.trades.now(tx);
    const row = await this.trades.move(tx, adopted, { ...told, status }, {
      from: adopted.status, to: status, occurredAt, late: false, brokerDealId: null, facts: { takenBy }, reason: TAKEN, actor: actorOf(caller.principal), correlationId: caller.correlationId,
    }, left > 0);
    await this.events.append(tx, caller, [stepEvent(row, adopted.status, { occurredAt, late: false })]);
  }

  private async follow(tx: Tx, caller: Caller, trade: TradeRow, made: FillRow[]): Promise<TradeRow> {
    const fills = made.map(({ broker_deal_id: brokerDealId, role, price, size }) => ({ brokerDealId, role, price, size }));
    const last = made.map(({ filled_at }) => filled_at).sort().at(-1) ?? '';
    const late = made.some((fill) => fill.late);
    const row = await this.trades.move(tx, trade, asTold(trade), {
      from: trade.status, to: null, occurredAt: last, late, brokerDealId: null, facts: { fills }, reason: made.find(({ reason }) => reason !== null)?.reason ?? null,
      actor: actorOf(caller.principal), correlationId: caller.correlationId,
    }, true);
    const events: NewEvent[] = [{
      subjectId: row.id, agentId: row.agent_id, accountId: row.account_id, type: 'trade.filled',
      data: { version: row.version, status: row.status, symbol: row.symbol, fills, late, openSize: row.open_size, netProfit: row.net_profit },
    }];
    if (row.status !== trade.status) {
      const step = stepEvent(row, trade.status, { occurredAt: last, late });
      // Only the first entry opens a trade, also one whose exit was told before.
      events.push(row.status === 'open' && trade.entry_time === null ? { ...step, type: 'trade.opened' } : step);
    }
    await this.events.append(tx, caller, events);
    if (row.finished_at !== null) await this.incidents.resolve(tx, caller, ABOUT_HELD, [row.id], `its fills are known: ${row.status}`);
    return row;
  }

  async list(caller: Caller, id: string, limit: number, cursor: string | undefined): Promise<FillRow[]> {
    await this.service.get(caller, id);
    return this.fills.list(id, limit, cursor);
  }
}

const keyOf = ({ role, broker_deal_id }: Pick<NewFill, 'role' | 'broker_deal_id'>) => `${role} ${broker_deal_id}`;

function toNew(body: FillBody, now: string, actor: string): NewFill {
  return {
    broker_deal_id: body.brokerDealId, role: body.role, price: body.price, size: body.size, profit: body.profit ?? null, commission: body.commission ?? null,
    swap: body.swap ?? null, fee: body.fee ?? null, requested_price: body.requestedPrice ?? null, exit_reason: body.exitReason ?? null,
    broker_position_id: body.brokerPositionId ?? null, broker_order_id: body.brokerOrderId ?? null, filled_at: body.at, source_time: body.sourceTime ?? null,
    late: secondsBetween(body.at, now) > LATE_AFTER_SECONDS, reason: body.reason ?? null, actor,
  };
}

/** The first of those that one request tells twice. */
const onePerDeal = (told: NewFill[]): NewFill[] => [...new Map([...told].reverse().map((fill) => [keyOf(fill), fill])).values()];

/** @throws {Problem} 409 FILL_DEAL_TAKEN for a deal that stands at another trade of the account */
function answered(trade: TradeRow, told: NewFill[], made: FillRow[], known: FillRow[], place: (index: number, field: string) => string): AnsweredFill[] {
  const fresh = new Map(made.map((fill) => [keyOf(fill), fill]));
  const there = new Map([...known, ...made].map((fill) => [keyOf(fill), fill]));
  return told.map((fill, index) => {
    const key = keyOf(fill);
    const stored = there.get(key);
    if (!stored) throw new Error('a deal was there, and is not');
    if (stored.trade_id !== trade.id) {
      throw refusal(409, 'FILL_DEAL_TAKEN', `Deal ${fill.broker_deal_id} is the ${fill.role} of trade ${stored.trade_id} already.`, place(index, 'brokerDealId'));
    }
    const isNew = fresh.delete(key);
    return { fill: stored, differs: isNew ? null : differingFields(saidOf(stored), saidOf(fill)) };
  });
}

/** What a fill says of itself, in the names of the request. */
const saidOf = (fill: NewFill) => factsOf({
  price: fill.price, size: fill.size, profit: fill.profit, commission: fill.commission, swap: fill.swap, fee: fill.fee, requestedPrice: fill.requested_price,
  exitReason: fill.exit_reason, at: fill.filled_at, brokerPositionId: fill.broker_position_id, brokerOrderId: fill.broker_order_id, sourceTime: fill.source_time,
});

function refusal(status: number, code: string, detail: string, path: string): Problem {
  return new Problem(status, code, path === '' ? detail : `${path}: ${detail}`, { errors: [{ path, message: detail }] });
}
