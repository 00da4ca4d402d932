import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Exact } from '../common/decimal.js';
import { Schedules } from '../database/schedules.js';
import { sqlState } from '../database/sql-state.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Incidents } from '../incidents/incidents.service.js';
import { AccountDaysRepository } from './account-days.repository.js';
import { AccountsRepository } from './accounts.repository.js';
import { verdictOf } from './unexplained.js';
import { type GapRow, subjectOf, UnexplainedRepository } from './unexplained.repository.js';

/** Shorter than the schedules' own look, so that every look finds it due. */
const LOOK_EVERY_SECONDS = 30;
const DAYS_AT_ONCE = 200;
const KIND = 'UNEXPLAINED_BALANCE';

/**
 * Looks for balances that changed by more than was told. Beside the requests: a fill that locked its account would wait for
 * every other fill of it, and in a sync would come after the trades that others lock behind the account.
 */
@Injectable()
export class UnexplainedService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly gaps: UnexplainedRepository,
    private readonly days: AccountDaysRepository,
    private readonly accounts: AccountsRepository,
    private readonly incidents: Incidents,
    schedules: Schedules,
  ) {
    schedules.every(LOOK_EVERY_SECONDS, 'accounts.explain-days', () => this.look());
  }

  /** Works the ends of days out anew where deals were told since, and tells people of what nothing explains. */
  async look(): Promise<void> {
    const failed: string[] = [];
    for (let after = '0'; ;) {
      const due = await this.gaps.due(after, DAYS_AT_ONCE);
      for (const gap of due) {
        // One account that is held must not keep the others' incidents back.
        await inTransaction(this.dataSource, (tx) => this.judge(tx, gap)).catch((error: Error) => {
          if (!sqlState(error)) throw error;
          failed.push(`${subjectOf(gap)}: ${error.message}`);
        });
      }
      after = due.at(-1)?.seq ?? after;
      if (due.length < DAYS_AT_ONCE) break;
    }
    if (failed.length > 0) throw new Error(`${failed.length} days were not looked at, such as ${failed[0]}`);
  }

  private async judge(tx: Tx, found: GapRow): Promise<void> {
    if (!(await this.accounts.lock(tx, found.account_id))) return;
    if (found.changed) await this.days.settle(tx, found, found.starts_at);
    // As it is under the lock: another instance may have told of it, and the ends may have moved.
    const gap = await this.gaps.bySeq(tx, found.seq);
    if (!gap) return;
    const verdict = verdictOf({
      unexplained: gap.unexplained, openingBalance: gap.opening_balance, facts: gap.facts, mode: gap.execution_mode, tellsTrades: gap.tells_trades,
      seconds: gap.seconds, told: gap.told, isPast: gap.is_past,
    });
    await this.gaps.note(tx, gap.seq, verdict !== 'explained' && verdict !== 'over');
    if (verdict === 'tell') await this.tell(tx, gap);
    if (verdict === 'explained' && gap.told) await this.incidents.resolve(tx, null, KIND, [subjectOf(gap)], 'what was told since explains it');
    if (verdict === 'over') await this.incidents.resolve(tx, null, KIND, [subjectOf(gap)], 'acknowledged, and nothing more can be told of that day');
  }

  private tell(tx: Tx, gap: GapRow): Promise<void> {
    const { account_id, account_name, execution_mode, day, currency, starts_at, unpriced } = gap;
    const amount = new Exact(gap.unexplained ?? 0);
    const fell = amount.lt(0);
    return this.incidents.open(tx, null, {
      kind: KIND, severity: fell && execution_mode === 'live' ? 'critical' : 'warning', subjectId: subjectOf(gap), agentId: null, accountId: account_id,
      summary: `The balance of ${account_name} (${execution_mode}) ${fell ? 'fell' : 'rose'} by ${amount.abs().toFixed()} ${currency} on ${day}, and no fill, trade or cash flow says why.`,
      data: { executionMode: execution_mode, day, startsAt: starts_at, unexplained: gap.unexplained, currency, unpricedTrades: unpriced },
    });
  }
}
