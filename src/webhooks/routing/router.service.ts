import { Injectable } from '@nestjs/common';
import { CommandsService } from '../../commands/commands.service.js';
import { ServerCommands } from '../../commands/server-commands.service.js';
import type { Caller } from '../../common/http/caller.js';
import { afterCommit, type Tx } from '../../database/transaction.js';
import { Incidents } from '../../incidents/incidents.service.js';
import { canonicalSymbol } from '../../instruments/canonical-symbol.js';
import { SymbolLookup } from '../../instruments/symbol-lookup.js';
import { GateService } from '../../risk/gate/gate.service.js';
import { IdeasService } from '../../trade-ideas/ideas.service.js';
import { proposeSchema } from '../../trade-ideas/trade-ideas.schemas.js';
import { WaitingIdeas } from '../../trade-ideas/waiting.service.js';
import type { Signal, SignalCommand } from '../mapping/signal.js';
import { AlertCloses, type Closed, heldOf, type Possession } from './closing.service.js';
import { agrees, countsFrom, type Held, type Opening, type Plan, planOf, withoutOpening } from './plan.js';
import { priced, rationaleOf } from './proposal.js';
import type { Finished, Routed, RoutedAlert, RoutingSource } from './routed.js';
import { type Book, RoutingRepository } from './routing.repository.js';

/** What has been done in this run, as it stands in `alerts.outcome`: the next turn goes on from there. */
interface Progress extends Closed {
  /** Of another run: nothing has been done in this one. */
  run: number;
  plan: string;
  open: Opening | null;
  /** Where it began. What closes ends there, whatever has become of the source since. */
  executorId: string;
  accountId: string;
  mode: Book['mode'];
  /** There was something to open, and it has become too old. */
  tooOld: boolean;
  /** There was something to open, and the source opens nothing there any more. */
  rerouted: boolean;
}

interface Turn {
  tx: Tx;
  alert: RoutedAlert;
  signal: Signal;
  source: RoutingSource;
  caller: Caller;
  book: Book;
  /** As it was told; null where that is the symbol. */
  brokerSymbol: string | null;
}

const FLAT_AGAIN_SECONDS = 1;

/** Makes of a signal an idea, closes, a command, or nothing. */
@Injectable()
export class AlertRouter {
  constructor(
    private readonly repository: RoutingRepository,
    private readonly closes: AlertCloses,
    private readonly commands: CommandsService,
    private readonly serverCommands: ServerCommands,
    private readonly gate: GateService,
    private readonly ideas: IdeasService,
    private readonly waiting: WaitingIdeas,
    private readonly symbols: SymbolLookup,
    private readonly incidents: Incidents,
  ) {}

  /**
   * All of it or nothing, in the transaction that also finishes the alert. It takes the account first, then agent, trades, commands.
   * @throws {Problem} what a service refuses; nothing of this turn may be committed then
   */
  async route(tx: Tx, alert: RoutedAlert, signal: Signal, source: RoutingSource): Promise<Routed> {
    const progress = progressOf(alert);
    if (source.action === 'store' && !progress) return finished('processed', null, null, { plan: 'store' });
    const executorId = progress?.executorId ?? source.executorAgentId;
    if (executorId === null) return finished('failed', 'NO_EXECUTOR', 'The source has no agent that trades for it.', {});
    const executor = await this.repository.executor(tx, executorId);
    if (!executor || executor.retired) return finished('failed', 'EXECUTOR_RETIRED', 'The agent that trades for the source is retired.', progress ? shownOf(progress) : {});
    const { accountId, mode } = progress ?? { accountId: executor.account_id, mode: executor.mode };
    const caller: Caller = { principal: { kind: 'source', sourceId: source.id }, correlationId: alert.correlation_id ?? alert.id };
    // Without one it would mean every symbol.
    if (signal.symbol === '' && signal.intent !== 'command') return finished('quarantined', 'SYMBOL_MISSING', 'It names no symbol.', {});
    const placed = { ...signal, exchange: exchangeOf(signal) };
    const { symbol, exchange, brokerSymbol } = await this.symbols.named(tx, accountId, placed.symbol, placed.exchange);
    const book: Book = { accountId, mode, executorId, strategyId: source.strategyId, symbol: symbol === '' ? null : symbol, exchange, product: signal.product };
    const turn: Turn = { tx, alert, signal: placed, source, caller, book, brokerSymbol };
    if (signal.intent === 'command' && signal.command !== 'cancel_orders') return this.command(turn, signal.command);
    await this.gate.holdAccount(tx, accountId);
    if (signal.intent === 'command') return this.cancelOrders(turn);
    if (!progress) return this.begin(turn);
    const opens = source.action === 'idea' && source.executorAgentId === executorId && executor.account_id === accountId && executor.mode === mode;
    return this.goOn(turn, opens || progress.open === null ? progress : { ...progress, open: null, rerouted: true });
  }

  private async begin(turn: Turn): Promise<Routed> {
    const { tx, book, source } = turn;
    const first = await this.closes.possession(tx, book, source.id);
    let plan = this.plan(turn, first);
    if (plan.kind === 'trade' && plan.close !== null) {
      await this.repository.lock(tx, book.executorId, first.trades.map(({ id }) => id));
      // What is there when nobody can change it any more.
      const now = await this.closes.possession(tx, book, source.id);
      plan = this.plan(turn, now);
      if (plan.kind === 'trade' && plan.close !== null) return this.close(turn, plan, plan.close, now);
      // An opening takes no agent before the gate does.
      if (plan.kind === 'trade') return { again: { code: 'POSITION_MOVED', detail: 'The position ended at the same moment.', inSeconds: FLAT_AGAIN_SECONDS, counts: false }, outcome: {} };
    }
    await this.tellMismatch(turn, heldOf(first));
    if (plan.kind === 'nothing') return finished(plan.status, plan.code, plan.detail, {});
    if (plan.kind === 'command') throw new Error('a command has no plan of its own');
    return this.goOn(turn, begun(turn, NOTHING_CLOSED, plan));
  }

  private plan({ signal, source }: Turn, possession: Possession): Plan {
    const plan = planOf(signal, heldOf(possession), signal.product ?? source.defaults.product);
    return source.action === 'command' ? withoutOpening(plan) : plan;
  }

  private async close(turn: Turn, plan: Plan & { kind: 'trade' }, closing: NonNullable<(Plan & { kind: 'trade' })['close']>, possession: Possession): Promise<Routed> {
    const whose = closingFor(turn);
    const closed = closing.part === 'all' ? await this.closes.closeAll(turn.tx, whose, possession, closing.direction) : await this.closes.closePart(turn.tx, whose, possession, closing);
    if (closed !== null && 'code' in closed) return { again: closed, outcome: {} };
    await this.tellMismatch(turn, heldOf(possession));
    if (closed === null) return finished('ignored', 'EXIT_BELOW_STEP', 'The part that is to be closed is less than one step of the size.', { plan: plan.name });
    return this.goOn(turn, begun(turn, closed, plan));
  }

  /** From what has been done: until nothing is under way any more, and then what opens. */
  private async goOn(turn: Turn, before: Progress): Promise<Routed> {
    const { tx } = turn;
    const followed = before.openingIds.length === 0 ? null : await this.closes.follow(tx, closingFor(turn), before.openingIds);
    const old = before.open !== null && (await this.isTooOld(turn));
    const progress: Progress = { ...(followed ? joined(before, followed) : before), open: old ? null : before.open, tooOld: before.tooOld || old };
    const { open, tooOld, tradeIds } = progress;
    if (followed?.waits) return { again: followed.waits, outcome: { ...progress } };
    if (open === null) {
      const shown = shownOf(progress);
      if (progress.rerouted) return finished('ignored', 'ROUTE_CHANGED', 'The source was changed before it could open anything: what it closes is being closed.', shown);
      if (tooOld) return finished('expired', 'ENTRY_EXPIRED', `An entry counts for ${turn.source.maxAgeSeconds} s after it was fired.${tradeIds.length > 0 ? ' What it closes is being closed.' : ''}`, shown);
      const nothingNew = progress.closureIds.length + progress.commandIds.length + progress.cancelledCommandIds.length + progress.endedIdeaIds.length === 0;
      return finished('processed', nothingNew ? 'CLOSING_ALREADY' : null, nothingNew ? 'All of it was being closed already.' : null, shown);
    }
    const left = await this.repository.unfinished(tx, tradeIds);
    // An opening takes no agent before the gate does, so not in a turn that did.
    if (left.length > 0 || followed !== null) {
      return { again: { code: 'WAITS_FOR_FLAT', detail: 'What is held on the other side is to be flat first.', inSeconds: FLAT_AGAIN_SECONDS, counts: false }, outcome: { ...progress } };
    }
    return this.open(turn, open, shownOf(progress));
  }

  private async isTooOld({ tx, alert, signal, source }: Turn): Promise<boolean> {
    const from = countsFrom({ firedAt: signal.firedAt, receivedAt: alert.received_at, redrivenAt: alert.redriven_at });
    return (await this.repository.now(tx)) - from > source.maxAgeSeconds * 1_000;
  }

  /** One idea, asked of the gate as anybody's. */
  private async open(turn: Turn, { direction, quantity }: Opening, outcome: Finished['outcome']): Promise<Finished> {
    const { tx, alert, signal, source, caller, book, brokerSymbol } = turn;
    const product = signal.product ?? source.defaults.product;
    const [symbol, exchange] = [book.symbol ?? '', book.exchange];
    const { input } = await this.gate.preview(tx, {
      accountId: book.accountId, executionMode: book.mode, executorId: book.executorId, proposerId: null, strategyId: source.strategyId, brokerSymbol,
      idea: { symbol, exchange, product, direction, outcome: null, lotSize: quantity ?? '1', entryPrice: null, entryRange: null, stopLoss: null, takeProfit: [], confidence: null, approved: false },
    });
    const made = priced({ signal, defaults: source.defaults, direction, quantity, symbol, exchange, redriven: alert.redriven_at !== null }, input);
    if ('code' in made) return finished('failed', made.code, made.detail, outcome);
    const { applied, ...fields } = made;
    const body = proposeSchema.safeParse({
      ...fields, symbol: signal.symbol, exchange: signal.exchange, direction, strategyId: source.strategyId, executorAgentId: book.executorId, rationale: rationaleOf(source.name, signal, applied),
    });
    if (!body.success) return finished('failed', 'IDEA_NOT_VALID', body.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ').slice(0, 500).toWellFormed(), { ...outcome, applied });
    const idea = await this.ideas.propose(tx, caller, body.data, false, { id: alert.id, run: alert.run });
    if (idea.decidedAt === null) afterCommit(tx, () => this.waiting.ask());
    const refusal = idea.status === 'rejected' || idea.status === 'halted_by_risk' ? idea.reasons[0] : undefined;
    return finished('processed', refusal?.code ?? null, refusal ? `The idea is ${idea.status}: ${refusal.message}`.slice(0, 500) : null, { ...outcome, applied, ideaId: idea.id, ideaStatus: idea.status, reasons: idea.reasons.map(({ code }) => code), commandId: idea.commandId, closeCommandIds: idea.closeCommandIds });
  }

  /** What concerns the agent as a whole: also `flatten` means all that it holds, whatever chart the alert came from. */
  private async command({ tx, alert, caller, book }: Turn, type: Exclude<SignalCommand, 'cancel_orders'> | null): Promise<Finished> {
    if (type === null) return finished('quarantined', 'COMMAND_MISSING', 'It is a command, and does not say which.', {});
    const { id } = await this.commands.create(tx, caller, book.executorId, { type, payload: { reason: `alert ${alert.id}` } });
    return finished('processed', null, null, { plan: type, commandIds: [id] });
  }

  /** Openings that wait, and entry orders that work, of the symbol; of all where the alert names none. Positions stay. */
  private async cancelOrders(turn: Turn): Promise<Finished> {
    const { tx, caller, book, source, alert } = turn;
    const { trades } = await this.closes.possession(tx, book, source.id);
    await this.repository.lock(tx, book.executorId, trades.map(({ id }) => id));
    const now = await this.closes.possession(tx, book, source.id);
    const working = now.trades.filter(({ entry_works: works }) => works);
    const { cancelledCommandIds, endedIdeaIds } = await this.closes.closeAll(tx, closingFor(turn), { ...now, trades: [] }, null);
    const commandIds: string[] = [];
    for (const { id } of working) commandIds.push((await this.serverCommands.queueCancel(tx, book.executorId, { tradeId: id, reason: `alert ${alert.id}` }, caller)).id);
    const nothing = cancelledCommandIds.length + endedIdeaIds.length + commandIds.length === 0;
    return finished(nothing ? 'ignored' : 'processed', nothing ? 'NO_ORDERS' : null, nothing ? 'No opening waits and no entry order works.' : null, { plan: 'cancel_orders', commandIds, cancelledCommandIds, endedIdeaIds });
  }

  /** The sender believes another position than there is. Of a redriven alert that is history; who routes no entries holds what others opened. */
  private async tellMismatch({ tx, alert, signal, source, caller, book }: Turn, held: Held): Promise<void> {
    if (source.action !== 'idea' || alert.redriven_at !== null) return;
    const { before } = signal.position;
    const same = agrees(before, held);
    if (same === null) return;
    const name = [book.exchange, book.symbol].filter(Boolean).join(':');
    const subjectId = `${source.id} ${name}`;
    if (same) return this.incidents.resolve(tx, caller, 'SIGNAL_POSITION_MISMATCH', [subjectId], 'an alert agrees with what is held');
    return this.incidents.open(tx, caller, {
      kind: 'SIGNAL_POSITION_MISMATCH', severity: 'warning', subjectId, agentId: book.executorId,
      summary: `${source.name} says that it was ${before} in ${name}; held are ${held.long.size} long and ${held.short.size} short.`,
      data: { sourceId: source.id, alertId: alert.id, symbol: book.symbol, exchange: book.exchange, before, long: held.long.size, short: held.short.size },
    });
  }
}

/** A feed of currency prices (`OANDA`) is where the chart came from, no exchange; what is none stays as it was told. */
function exchangeOf({ symbol, exchange }: Signal): string | null {
  const told = exchange?.toUpperCase() ?? null;
  const canonical = canonicalSymbol(symbol, told);
  return canonical === null ? told : canonical.exchange;
}

const finished = (status: Finished['status'], code: string | null, detail: string | null, outcome: Finished['outcome']): Finished => ({ status, code, detail, outcome });
const closingFor = ({ caller, alert, source, book }: Turn) => ({ caller, alertId: alert.id, sourceId: source.id, book });

const begun = ({ alert, book: { executorId, accountId, mode } }: Turn, closed: Closed, plan: Plan & { kind: 'trade' }): Progress =>
  ({ ...closed, run: alert.run, plan: plan.name, open: plan.open, executorId, accountId, mode, tooOld: false, rerouted: false });
const NOTHING_CLOSED: Closed = { closureIds: [], commandIds: [], cancelledCommandIds: [], endedIdeaIds: [], tradeIds: [], openingIds: [] };

/** Null: this run begins. What is stored is our own, but a redrive leaves that of the run before. */
function progressOf({ outcome, run }: RoutedAlert): Progress | null {
  const stored = outcome as Progress | null;
  return stored?.run === run && Array.isArray(stored.openingIds) ? stored : null;
}

const all = (one: readonly string[], more: readonly string[]): string[] => [...new Set([...one, ...more])];
const joined = (before: Progress, now: Closed): Progress => ({
  ...before, closureIds: all(before.closureIds, now.closureIds), commandIds: all(before.commandIds, now.commandIds), cancelledCommandIds: all(before.cancelledCommandIds, now.cancelledCommandIds),
  endedIdeaIds: all(before.endedIdeaIds, now.endedIdeaIds), tradeIds: all(before.tradeIds, now.tradeIds), openingIds: now.openingIds,
});

/** What is kept of it when it is over. */
function shownOf({ plan, closureIds, commandIds, cancelledCommandIds, endedIdeaIds, tradeIds }: Progress): Finished['outcome'] {
  return { plan, ...Object.fromEntries(Object.entries({ closureIds, commandIds, cancelledCommandIds, endedIdeaIds, tradeIds }).filter(([, ids]) => ids.length > 0)) };
}
