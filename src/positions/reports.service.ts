import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { differences } from '../agents/account-match.js';
import { AgentsService, instanceOf } from '../agents/agents.service.js';
import type { Caller } from '../common/http/caller.js';
import { conflict } from '../common/problem.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { BrokerTradesRepository } from '../trades/broker-trades.repository.js';
import { OpeningsRepository } from '../trades/openings.repository.js';
import { namingBy, toldOrders, toldPositions } from './told.js';
import { compare, type Plan } from './compare.js';
import type { Known, Report } from './known.js';
import { touched, toReconcile } from './plan-changes.js';
import { PlanService } from './plan.service.js';
import { type Book, type ReportContext, ReportsRepository } from './reports.repository.js';
import type { ReportAnswer, ReportBody } from './reports.schemas.js';
import { answerOf, notApplied } from './report-answer.js';

/** A report that was looked at: who else holds the agent's lease, or what it is told against, and why it is not applied. */
type Opened = { holder: string } | { context: ReportContext; refusal: ReportAnswer | null };
type Outcome = { holder: string } | { answer: ReportAnswer; context: ReportContext };

/** The broker is right: what it shows replaces what we believe. */
@Injectable()
export class ReportsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly reports: ReportsRepository,
    private readonly trades: BrokerTradesRepository,
    private readonly openings: OpeningsRepository,
    private readonly plans: PlanService,
    private readonly agents: AgentsService,
  ) {}

  /**
   * Takes over what the broker of an agent's account shows, in one transaction. Told again it changes nothing.
   * @throws {Problem} 409 AGENT_INSTANCE_CONFLICT; 400 for a row that cannot be told from others; 404
   */
  async report(caller: Caller, agentId: string, body: ReportBody): Promise<ReportAnswer> {
    const instanceId = instanceOf(caller);
    const outcome = await inTransaction(this.dataSource, (tx) => this.take(tx, caller, agentId, instanceId, body));
    if ('holder' in outcome) throw await this.agents.otherInstance(caller, agentId, outcome.holder);
    // After the account is free again: the agent comes before its state, and both after the account.
    const { brokerAccount } = body;
    if (outcome.answer.code !== 'REPORT_STALE' && brokerAccount && isNews(brokerAccount, outcome.context.told_account)) await this.agents.matchAccount(caller, agentId, brokerAccount);
    return outcome.answer;
  }

  private async take(tx: Tx, caller: Caller, agentId: string, instanceId: string | null, body: ReportBody): Promise<Outcome> {
    const opened = await this.open(tx, agentId, instanceId, body);
    if ('holder' in opened) return opened;
    return { context: opened.context, answer: opened.refusal ?? (await this.apply(tx, caller, agentId, body, opened.context)) };
  }

  /** As part of a transaction that has locked the account. What it says of the account the heartbeat is to say. @throws {Problem} 409 AGENT_INSTANCE_CONFLICT */
  async reportWithin(tx: Tx, caller: Caller, agentId: string, body: ReportBody): Promise<ReportAnswer> {
    const outcome = await this.take(tx, caller, agentId, instanceOf(caller), body);
    if ('holder' in outcome) throw conflict('AGENT_INSTANCE_CONFLICT', `Another copy of this agent (${outcome.holder}) holds the trading lease.`);
    return outcome.answer;
  }

  /** Locks the account: what is told of one account is told one after the other. */
  async open(tx: Tx, agentId: string, instanceId: string | null, body: ReportBody): Promise<Opened> {
    const context = await this.reports.context(tx, agentId, instanceId, body.asOf);
    if (!context) throw conflict('AGENT_MOVED', 'The agent was just put on another account: report again.', true);
    if (context.other_instance !== null) return { holder: context.other_instance };
    if (context.stale) return { context, refusal: notApplied(body, 'REPORT_STALE') };
    // Of another account nothing is adopted, and ours is not gone because that one lacks it.
    const differs = differences({ ...context, told_account: body.brokerAccount ?? context.told_account }).length > 0;
    return { context, refusal: differs ? notApplied(body, 'ACCOUNT_MISMATCH') : null };
  }

  /** @param withDeals what the broker did of late is known */
  async apply(tx: Tx, caller: Caller, agentId: string, body: ReportBody, context: ReportContext, withDeals = false): Promise<ReportAnswer> {
    const connected = body.brokerConnected !== false && context.broker_connected !== false;
    const book = bookOf(agentId, context);
    const report = { ...(await this.reportOf(tx, agentId, body, context, book, body.complete && connected)), withDeals };
    const { plan, known } = await this.planFor(tx, report, book);
    const made = await this.plans.carryOut(tx, caller, report, book, known, plan);
    return answerOf(report, known, plan, made, connected ? undefined : 'BROKER_NOT_CONNECTED');
  }

  private async reportOf(tx: Tx, agentId: string, body: ReportBody, context: ReportContext, book: Book, complete: boolean): Promise<Omit<Report, 'withDeals'>> {
    const symbols = [...new Set([...body.positions, ...body.orders].map(({ symbol }) => symbol))];
    const magics = [...new Set([...body.positions, ...body.orders].flatMap(({ magic }) => magic ?? []))];
    const nameOf = namingBy(symbols.length > 0 ? await this.reports.listed(tx, book.accountId, symbols) : []);
    return {
      asOf: body.asOf, complete, marginMode: context.margin_mode, agentId, agentOfMagic: await this.reports.agentsOfMagic(tx, book, magics),
      positions: toldPositions(body, context.margin_mode, nameOf), orders: toldOrders(body, nameOf),
    };
  }

  /** Most reports change no trade: only then locks are taken, in the order of all, and what is locked is looked at again. */
  private async planFor(tx: Tx, report: Report, book: Book): Promise<{ plan: Plan; known: Known }> {
    const known = await this.known(tx, report, book);
    const plan = compare(report, known);
    const changed = touched(plan);
    if (changed.length === 0 && toReconcile(plan).length === 0) return { plan, known };
    const asked = [...new Set(toReconcile(plan).map(({ trade }) => trade.agent_id))];
    if (asked.length > 0) await this.reports.holdAgents(tx, asked);
    await this.trades.lock(tx, [...new Set(changed.map(({ id }) => id))]);
    const now = await this.known(tx, report, book);
    return { plan: compare(report, now), known: now };
  }

  private async known(tx: Tx, { positions, orders }: Report, book: Book): Promise<Known> {
    const both = [...positions, ...orders];
    const trades = await this.trades.ofBook(tx, book, {
      orderTags: both.flatMap(({ orderTag }) => orderTag ?? []), positionIds: positions.flatMap(({ brokerPositionId }) => brokerPositionId ?? []),
      orderIds: both.flatMap(({ brokerOrderId }) => brokerOrderId ?? []),
    });
    const rows = await this.reports.rows(tx, book);
    // Trades are stored as their agents spell them; where an instrument is one sum, both have to be one.
    const nameOf = namingBy(trades.length > 0 ? await this.reports.listed(tx, book.accountId, [...new Set(trades.map(({ symbol }) => symbol))]) : []);
    const named = trades.map((trade) => ({ ...trade, ...placeOf(nameOf(trade.symbol, trade.exchange, trade.product), trade) }));
    const tags = new Set(both.flatMap(({ orderTag }) => orderTag ?? []));
    for (const trade of trades) tags.delete(trade.order_tag);
    return { trades: named, ...rows, openings: await this.openings.untraded(tx, book, [...tags]) };
  }
}

/** A paper account has no broker but the agent itself, which knows only its own. */
export const bookOf = (agentId: string, { account_id, kind, mode }: ReportContext): Book => {
  const own = kind === 'paper' ? agentId : null;
  return { accountId: account_id, agentId: own, mode, id: own ?? account_id };
};

/** What nobody said of a trade stays open: it fits every exchange and product. */
const placeOf = (named: { symbol: string; exchange: string | null; product: string | null }, trade: { product: string | null }) => ({ symbol: named.symbol, exchange: named.exchange, product: trade.product });

const isNews = (told: object, stored: object | null): boolean => {
  const known = new Map(Object.entries(stored ?? {}));
  return stored === null || Object.entries(told).length !== known.size || Object.entries(told).some(([name, value]) => known.get(name) !== value);
};
