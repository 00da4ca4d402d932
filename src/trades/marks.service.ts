import { Injectable } from '@nestjs/common';
import type { Caller } from '../common/http/caller.js';
import { Problem } from '../common/problem.js';
import { inside } from '../database/statements.js';
import { afterCommit, type Tx } from '../database/transaction.js';
import { Months } from '../market-data/months.js';
import { type MarkRow, MarksRepository } from './marks.repository.js';
import type { MarkBody } from './marks.schemas.js';
import { TradesService } from './trades.service.js';

@Injectable()
export class MarksService {
  private readonly hooks: ((tradeIds: readonly string[]) => void)[] = [];

  constructor(
    private readonly marks: MarksRepository,
    private readonly months: Months,
    private readonly trades: TradesService,
  ) {}

  /** After their commit; modules above judge trades by them. */
  onTaken(hook: (tradeIds: readonly string[]) => void): void {
    this.hooks.push(hook);
  }

  /**
   * Keeps marks, and how far the price of their trades went, all or none. No event: a price is not a change of ours.
   * @param place where in the request a mark stands; empty where it is the request
   * @throws {Problem} 404 for a trade that is not there, 403 NOT_YOUR_AGENT for another agent's
   */
  async take({ principal }: Caller, marks: (MarkBody & { tradeId: string })[], place: (index: number) => string) {
    const ensure = () => this.months.ensure('trade_marks', marks.map(({ quotedAt }) => quotedAt));
    await ensure();
    const taken = await this.months.guard(() => this.marks.take({ agentId: principal.kind === 'agent' ? principal.agentId : null, marks }), ensure);
    const wrong = taken.findIndex((each) => each === 'missing' || each === 'foreign');
    if (wrong >= 0) throw refused(taken[wrong] === 'missing', place(wrong));
    this.tell(marks.filter((_mark, index) => taken[index] === 'stored'));
    return marks.map(({ tradeId, quotedAt }, index) => ({ tradeId, quotedAt, stored: taken[index] === 'stored' }));
  }

  /** Makes what `takeWithin` needs. Before the transaction has touched anything: months are made beside it, and would wait for it. */
  prepare(times: string[]): Promise<void> {
    return this.months.ensure('trade_marks', times);
  }

  /** Each by itself, as part of a transaction: what is wrong with it, or null. */
  async takeWithin(tx: Tx, { principal }: Caller, marks: readonly (MarkBody & { tradeId: string })[]): Promise<(Problem | null)[]> {
    const agentId = principal.kind === 'agent' ? principal.agentId : null;
    const taken = await this.marks.takeWithin(inside(tx), marks.map((mark) => ({ agentId, marks: [mark] })));
    const stored = marks.filter((_mark, index) => taken[index]?.[0] === 'stored');
    afterCommit(tx, () => this.tell(stored));
    return taken.map(([each]) => (each === 'missing' || each === 'foreign' ? refused(each === 'missing', '') : null));
  }

  private tell(stored: readonly { tradeId: string }[]): void {
    const ids = [...new Set(stored.map(({ tradeId }) => tradeId))];
    if (ids.length > 0) for (const hook of this.hooks) hook(ids);
  }

  async list(caller: Caller, id: string, window: { from?: string | undefined; to?: string | undefined }, limit: number, cursor: string | undefined): Promise<MarkRow[]> {
    await this.trades.get(caller, id);
    return this.marks.list(id, { from: window.from ?? null, to: window.to ?? null }, limit, cursor);
  }
}

function refused(isMissing: boolean, path: string): Problem {
  const [status, code, detail] = isMissing ? [404, 'NOT_FOUND', 'No such trade.'] as const : [403, 'NOT_YOUR_AGENT', 'An agent key acts for its own agent only.'] as const;
  return path === '' ? new Problem(status, code, detail) : new Problem(status, code, `${path}: ${detail}`, { errors: [{ path, message: detail }] });
}
