import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ServerCommands } from '../commands/server-commands.service.js';
import { Exact } from '../common/decimal.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { conflict, notFound } from '../common/problem.js';
import { Schedules } from '../database/schedules.js';
import { afterCommit, inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import { type ClosureEnd, type ClosureRow, ClosuresRepository, type DueClosure, type ShownClosure, type WantedClosure } from './closures.repository.js';

const LOOK_EVERY_SECONDS = 5;
const AT_ONCE = 200;
const ASK_EVERY_SECONDS = 60;

/**
 * Trades that are wanted closed, until they are. A command that failed, was rejected or told done is a try and no more: what ends a
 * closure is that the trade has ended, by fills or by what the broker shows, or that a person takes it back.
 */
@Injectable()
export class ClosuresService implements OnApplicationShutdown {
  private readonly log = new Logger('Closures');
  private working: Promise<void> = Promise.resolve();
  private waiting = false;
  private stopped = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly closures: ClosuresRepository,
    private readonly commands: ServerCommands,
    private readonly events: Events,
    private readonly incidents: Incidents,
    schedules: Schedules,
  ) {
    schedules.every(LOOK_EVERY_SECONDS, 'closures.work', () => this.work());
  }

  /** In the transaction of what wants it. Null: it is wanted closed already, has ended, or the rule has had its once. @param caller null for the server */
  async want(tx: Tx, caller: Caller | null, wanted: WantedClosure): Promise<ClosureRow | null> {
    const [row = null] = await this.wantAll(tx, caller, [wanted]);
    return row;
  }

  /** Many, no trade twice. Answers those that are new. */
  async wantAll(tx: Tx, caller: Caller | null, wanted: readonly WantedClosure[]): Promise<ClosureRow[]> {
    if (wanted.length === 0) return [];
    const rows = await this.closures.want(tx, wanted, caller ? actorOf(caller.principal) : 'system', caller?.correlationId ?? null);
    await this.events.append(tx, caller, rows.map((row) => ({
      type: 'closure.wanted', subjectId: row.id, agentId: row.agent_id, accountId: row.account_id,
      data: { tradeId: row.trade_id, cause: row.cause, rule: row.rule, size: row.size, haltId: row.halt_id, alertId: row.alert_id, detail: row.detail },
    })));
    if (rows.length > 0) afterCommit(tx, () => this.soon());
    return rows;
  }

  /** A person's word that it is to stay. What has reached the agent may close it all the same. @throws {Problem} 404; 409 CLOSURE_ENDED */
  withdraw(caller: Caller, id: string, reason: string): Promise<ShownClosure> {
    return inTransaction(this.dataSource, async (tx) => {
      const found = await this.closures.byId(id, tx);
      if (!found) throw notFound('closure');
      const closure = await this.closures.lock(tx, found);
      if (!closure) throw conflict('CLOSURE_ENDED', `It has ended already: ${found.ended_as ?? 'just now'}.`);
      await this.end(tx, caller, closure, 'withdrawn', reason);
      const row = await this.closures.byId(id, tx);
      if (!row) throw new Error('the locked closure is gone');
      return row;
    });
  }

  /** Makes the commands that are to be made now, and ends what is over. */
  async work(): Promise<void> {
    for (;;) {
      const due = await this.closures.due(AT_ONCE);
      let failed = 0;
      for (const each of due) {
        if (this.stopped) return;
        await this.workOn(each).catch((error: Error) => {
          failed += 1;
          this.log.warn(`closure ${each.id}, again later: ${error.message}`);
        });
      }
      if (due.length < AT_ONCE || failed > 0) break;
    }
    await this.dropOvertaken();
    await this.ask();
    await this.tell();
  }

  /** A person's close, or an idea's, of a trade that ended before it was handed out: it has nothing to do any more. */
  private async dropOvertaken(): Promise<void> {
    for (const close of await this.closures.overtaken(AT_ONCE)) {
      if (this.stopped) return;
      await inTransaction(this.dataSource, async (tx) => {
        if (await this.closures.holdEnded(tx, close)) await this.commands.cancelClose(tx, null, close.id, `the trade is ${close.status} already`);
      });
    }
  }

  private workOn(due: DueClosure): Promise<void> {
    return inTransaction(this.dataSource, async (tx) => {
      const closure = await this.closures.lock(tx, due);
      if (!closure) return;
      if (closure.finished) return this.end(tx, null, closure, 'flat', null);
      if (closure.size !== null && new Exact(closure.left).isZero()) return this.end(tx, null, closure, 'reduced', null);
      if (closure.awaits_settlement) {
        if (closure.command_id !== null) await this.commands.cancelClose(tx, null, closure.command_id, 'the contract awaits its settlement');
        return;
      }
      if (closure.command_id !== null && closure.size !== null) await this.commands.shrinkClose(tx, closure.command_id, closure.left);
      if (!closure.may_try) return;
      const why = [closure.cause, closure.rule].filter(Boolean).join(' ');
      const command = await this.commands.closeWithin(tx, due.agent_id, closure.trade_id, {
        size: closure.size === null ? null : closure.left, reason: why, exitReason: closure.exit_reason, correlationId: closure.correlation_id,
      });
      if (command) await this.closures.noteTry(tx, closure.id, command.id);
    });
  }

  /** A close that still waits would open the opposite of a position that is gone. */
  private async end(tx: Tx, caller: Caller | null, closure: ClosureRow, as: ClosureEnd, reason: string | null): Promise<void> {
    await this.closures.end(tx, closure.id, as, caller ? actorOf(caller.principal) : 'system', reason);
    if (closure.command_id !== null) await this.commands.cancelClose(tx, caller, closure.command_id, reason ?? `the trade is ${as} already`);
    await this.events.append(tx, caller, [{
      type: 'closure.ended', subjectId: closure.id, agentId: closure.agent_id, accountId: closure.account_id, data: { tradeId: closure.trade_id, as, tries: closure.tries, reason },
    }]);
  }

  /** Told done is not seen done: agents that report no positions by themselves are asked for them. */
  private async ask(): Promise<void> {
    const agents = await this.closures.toReconcile();
    if (agents.length > 0) await inTransaction(this.dataSource, (tx) => this.commands.askToReconcile(tx, null, agents, ASK_EVERY_SECONDS, () => ({ reason: 'CLOSE_NOT_SEEN' })));
  }

  private tell(): Promise<void> {
    return inTransaction(this.dataSource, async (tx) => {
      const lost = await this.closures.uncontrolled(tx);
      const said = await this.closures.said(tx, 'CLOSURE_NOT_UNDER_CONTROL');
      const news = lost.filter(({ agent_id: agentId }) => !said.some(({ subject_id: id, lately }) => id === agentId && lately));
      await this.incidents.openAll(tx, null, news.map(({ agent_id: agentId, count, positions }) => ({
        kind: 'CLOSURE_NOT_UNDER_CONTROL' as const, severity: 'critical' as const, subjectId: agentId, agentId, data: { count, positions },
        summary: `${count} trade${count === 1 ? ' is' : 's are'} to be closed and nobody closes ${count === 1 ? 'it' : 'them'}: ${[...new Set(positions.map(({ why }) => why))].join(', ')}.`,
      })));
      const over = said.map(({ subject_id: id }) => id).filter((id) => !lost.some(({ agent_id: agentId }) => agentId === id));
      await this.incidents.resolve(tx, null, 'CLOSURE_NOT_UNDER_CONTROL', over, 'all are flat, or under way again');
    });
  }

  /** After the commit of what wants it; the schedule finds what a crash in between leaves. */
  private soon(): void {
    if (this.waiting || this.stopped) return;
    this.waiting = true;
    this.working = this.working.then(async () => {
      this.waiting = false;
      await this.work();
    }).catch((error: Error) => this.log.warn(`closing, again later: ${error.message}`));
  }

  /** What this instance has begun is done; for tests, and for the end. */
  idle(): Promise<void> {
    return this.working;
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    await this.working;
  }
}
