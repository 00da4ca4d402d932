import { Injectable } from '@nestjs/common';
import { uuid } from '../common/fields.js';
import type { Caller } from '../common/http/caller.js';
import { notFound } from '../common/problem.js';
import { afterCommit, type Tx } from '../database/transaction.js';
import { QuotesService } from '../market-data/quotes.service.js';
import { ReportsService } from '../positions/reports.service.js';
import { IdeasService } from '../trade-ideas/ideas.service.js';
import { WaitingIdeas } from '../trade-ideas/waiting.service.js';
import { FillsService } from '../trades/fills.service.js';
import { MarksService } from '../trades/marks.service.js';
import { type Answered, TradesService } from '../trades/trades.service.js';
import { TransitionsService } from '../trades/transitions.service.js';
import { tellsOfTrade } from './opened.schemas.js';
import { tellsOfBroker } from './reconcile.service.js';
import { alone, type Element, read, refIn, refusalOf } from './sync-refusals.js';
import type { Barred } from './sync-bars.js';
import { SyncRepository } from './sync.repository.js';
import { type ElementName, elementsOf, fillElement, ideaElement, markElement, quoteElement, reportElement, type SyncAnswer, type SyncBody, tradeElement, transitionElement } from './sync.schemas.js';

type Result = SyncAnswer['results'][number];

/** Who sends a sync, and what all its elements share. */
export interface Sender {
  caller: Caller;
  agentId: string;
  barred: Barred;
}

interface Taken {
  results: Result[];
  /** What is done when all else is: its rows are shared with other agents, who must not wait for the rest of this sync. */
  atEnd?: () => Promise<void>;
}

type Take = (tx: Tx, sender: Sender, elements: unknown[]) => Promise<Taken>;

/** What a sync carries beside its state, acks and lease: a kind is a list in the body, a line here and one in `ELEMENT_NAMES`. */
@Injectable()
export class SyncElements {
  /** In the order in which they are taken: trades before what happened to them. */
  private readonly kinds: Record<ElementName, Take> = {
    trades: (tx, sender, elements) => this.oneByOne(tx, sender, 'trades', elements, (part, given) => this.trades.create(part, sender.caller, tradeElement(given))),
    transitions: (tx, sender, elements) => this.oneByOne(tx, sender, 'transitions', elements, (part, given) => this.transition(part, sender, given)),
    fills: (tx, sender, elements) => this.oneByOne(tx, sender, 'fills', elements, (part, given) => this.fill(part, sender, given)),
    marks: (tx, sender, elements) => this.marksTogether(tx, sender, elements),
    // After what was told of trades: what they hold is not adopted.
    positions: (tx, sender, elements) => this.report(tx, sender, elements),
    quotes: (tx, sender, elements) => this.quotesAtEnd(tx, sender, elements),
    ideas: (tx, sender, elements) => this.proposals(tx, sender, elements),
  };

  constructor(
    private readonly syncs: SyncRepository,
    private readonly trades: TradesService,
    private readonly transitions: TransitionsService,
    private readonly fills: FillsService,
    private readonly marks: MarksService,
    private readonly reports: ReportsService,
    private readonly quotes: QuotesService,
    private readonly ideas: IdeasService,
    private readonly waiting: WaitingIdeas,
  ) {}

  /**
   * What comes before the agent's own locks. A trade may be one that a report of the account just adopts, so the account is
   * held; alone by who reports what it holds.
   */
  async hold(tx: Tx, { agentId, barred }: Sender, body: SyncBody): Promise<void> {
    if (!barred('marks')) await this.marks.prepare((body.marks ?? []).flatMap((element) => timeIn(element)));
    if (body.positions != null || body.ideas?.length || body.acks?.some(tellsMore)) await this.trades.holdAccount(tx, agentId, 'alone');
    else if (body.trades?.length) await this.trades.holdAccount(tx, agentId);
  }

  /** Each element fails alone; one answer for each, in order. */
  async take(tx: Tx, sender: Sender, body: SyncBody): Promise<Required<Taken>> {
    await this.holdTrades(tx, sender, body);
    const results: Result[] = [];
    const last: (() => Promise<void>)[] = [];
    for (const [name, take] of Object.entries(this.kinds) as [ElementName, Take][]) {
      const taken = await take(tx, sender, elementsOf(body[name]));
      results.push(...taken.results);
      // Ideas are decided on the quotes that came with them.
      if (taken.atEnd && body.ideas?.length) await taken.atEnd();
      else if (taken.atEnd) last.push(taken.atEnd);
    }
    return { results, atEnd: async () => { for (const work of last) await work(); } };
  }

  /** Elements come in the order of their facts, which is not the order of locks; one trade alone is locked by its element. */
  private async holdTrades(tx: Tx, { agentId, barred }: Sender, { transitions, fills, marks }: SyncBody): Promise<void> {
    const named = (of: 'tradeId' | 'clientOrderId') => [...new Set([transitions, fills, marks].flatMap((given) => elementsOf(given).flatMap((each) => textOf(each, of))))];
    const ids = named('tradeId').filter((id) => uuid().safeParse(id).success);
    const clientOrderIds = named('clientOrderId');
    if (!barred('transitions') && ids.length + clientOrderIds.length > 1) await this.syncs.lockTrades(tx, agentId, ids, clientOrderIds);
  }

  /** Each in a savepoint of its own. */
  private async oneByOne(tx: Tx, { barred }: Sender, name: ElementName, elements: unknown[], work: (part: Tx, given: Element) => Promise<Answered>): Promise<Taken> {
    const results: Result[] = [];
    for (const [n, element] of elements.entries()) {
      const done = await alone(tx, element, work, barred(name));
      results.push({ element: `${name}[${n}]`, clientRef: refIn(element), ...('refusal' in done ? done.refusal : { status: 'ok', id: done.answer.trade.id, version: done.answer.trade.version }) });
    }
    return { results };
  }

  private async transition(part: Tx, { caller, agentId }: Sender, given: Element): Promise<Answered> {
    const { tradeId, clientOrderId, body } = transitionElement(given);
    const id = tradeId ?? (await this.syncs.tradeOf(part, agentId, clientOrderId ?? ''));
    if (id === null) throw notFound('trade of this agent');
    return this.transitions.apply(part, caller, id, body);
  }

  private async fill(part: Tx, { caller, agentId }: Sender, given: Element): Promise<Answered> {
    const { tradeId, clientOrderId, body } = fillElement(given);
    const id = tradeId ?? (await this.syncs.tradeOf(part, agentId, clientOrderId ?? ''));
    if (id === null) throw notFound('trade of this agent');
    return { trade: (await this.fills.add(part, caller, id, [body], false)).trade, repeats: null };
  }

  private async proposals(tx: Tx, { caller, barred }: Sender, elements: unknown[]): Promise<Taken> {
    const results: Result[] = [];
    for (const [n, element] of elements.entries()) {
      const done = await alone(tx, element, (part, given) => this.ideas.propose(part, caller, ideaElement(given), false), barred('ideas'));
      const told = 'refusal' in done ? done.refusal : proposed(done.answer);
      results.push({ element: `ideas[${n}]`, clientRef: refIn(element), ...told });
    }
    if (elements.length > 0) afterCommit(tx, () => this.waiting.ask());
    return { results };
  }

  private async marksTogether(tx: Tx, { caller, barred }: Sender, elements: unknown[]): Promise<Taken> {
    const done = elements.map((element) => read(element, markElement, barred('marks')));
    const wrong = await this.marks.takeWithin(tx, caller, done.flatMap((each) => ('answer' in each ? [each.answer] : [])));
    return {
      results: done.map((each, n): Result => {
        const refusal = 'refusal' in each ? each.refusal : null;
        const problem = refusal ? null : wrong.shift();
        return { element: `marks[${n}]`, clientRef: refIn(elements[n]), ...(refusal ?? (problem ? refusalOf(problem) : { status: 'ok' as const })) };
      }),
    };
  }

  private async report(tx: Tx, { caller, agentId, barred }: Sender, [element]: unknown[]): Promise<Taken> {
    if (element === undefined) return { results: [] };
    const clientRef = refIn(element);
    const done = await alone(tx, element, (part, given) => this.reports.reportWithin(part, caller, agentId, reportElement(given)), barred('positions'));
    if ('refusal' in done) return { results: [{ element: 'positions', clientRef, ...done.refusal }] };
    const { applied, code, complete, matched, adopted, unknown, missing, closed, differing } = done.answer;
    const counts = { adopted: adopted.length, unknown: unknown.length, missing: missing.length, closed: closed.length, differing: differing.length };
    return { results: [{ element: 'positions', clientRef, status: 'ok', report: { applied, ...(code ? { code } : {}), complete, matched, ...counts } }] };
  }

  /** Those that can be read in one statement, which locks their rows in one order. One that is as new as another is taken, and changes nothing. */
  private async quotesAtEnd(tx: Tx, { caller, barred }: Sender, elements: unknown[]): Promise<Taken> {
    const done = elements.map((element) => read(element, quoteElement, barred('quotes')));
    const quotes = done.flatMap((each) => ('answer' in each ? [each.answer] : []));
    return {
      results: done.map((each, n): Result => ({ element: `quotes[${n}]`, clientRef: refIn(elements[n]), ...('refusal' in each ? each.refusal : { status: 'ok' }) })),
      ...(quotes.length > 0 ? { atEnd: () => this.quotes.takeWithin(tx, caller, quotes) } : {}),
    };
  }
}

const proposed = ({ id, status, commandId, decision: { reasons: [reason] } }: Awaited<ReturnType<IdeasService['propose']>>) =>
  ({ status: 'ok' as const, id, idea: { status, ...(commandId === null ? {} : { commandId }), ...(reason ? { code: reason.code } : {}) } });

/** Whether the end of a command tells of the account. */
function tellsMore(ack: unknown): boolean {
  const result = (ack as { result?: unknown } | null)?.result;
  return tellsOfBroker(result) || tellsOfTrade(result);
}

function textOf(element: unknown, name: 'tradeId' | 'clientOrderId'): string[] {
  const given = (element as Element | null)?.[name];
  return typeof given === 'string' ? [given.trim()] : [];
}

/** Of a mark that will be taken. */
function timeIn(element: unknown): string[] {
  const done = read(element, markElement, null);
  return 'answer' in done ? [done.answer.quotedAt] : [];
}
