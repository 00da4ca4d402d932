import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuthAudit, type Origin } from '../auth/audit.js';
import { ServerCommands } from '../commands/server-commands.service.js';
import type { Caller } from '../common/http/caller.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import { RestoreHalt } from '../kill-switch/restore-halt.service.js';
import { ApprovalsService } from '../trade-ideas/approvals.service.js';
import { IdeasService } from '../trade-ideas/ideas.service.js';
import { BrokerTradesService } from '../trades/broker-trades.service.js';
import { stepEvent } from '../trades/trade-change.js';
import { FACT_AGE_SECONDS_MAX } from '../trades/trade-times.js';
import { ArrivalRepository, type StoredArrival, type UnsettledCommand } from './arrival.repository.js';

export interface Arriving {
  /** Of the run of "restore": the same one changes nothing the second time. */
  id: string;
  /** Name of the backup. */
  backup: string;
  /** Until when it knows everything, RFC 3339. */
  backupAt: string;
  /** Tried, and thrown away after it. */
  drill: boolean;
}

export interface Arrived extends StoredArrival {
  /** Nothing that was queued before is left on any account. */
  effective: boolean;
  /** Whether the gate refuses an opening of each mode because of the halt; null: there is no agent to ask for. */
  refusesOpenings: boolean | null;
}

const CARRIED_THROUGH_WITHIN_MS = 60_000;
const NOBODY = '00000000-0000-0000-0000-000000000000';
/** What a broker did before the backup may have been told after it: for so long facts are taken, and whoever told one does not tell it again. */
const toldLate = (backupAt: string): string => new Date(Date.parse(backupAt) - FACT_AGE_SECONDS_MAX * 1_000).toISOString();
/** Of no one who could sign in. */
const ASKING: Caller = { correlationId: 'restore', principal: { kind: 'user', id: NOBODY, email: '', name: 'restore', role: 'admin', session: { id: NOBODY, userId: NOBODY, version: 0 }, tokenEndsAtMs: 0 } };
const RESTORING: Origin = { address: null, userAgent: 'tradewarden command line', correlationId: null };

/**
 * What a database that came out of a backup becomes before anybody reaches it: halted, with nothing leased and nothing to be
 * opened, and what may have happened since the backup not known. All of it or nothing, and once.
 */
@Injectable()
export class Arrival {
  constructor(
    private readonly dataSource: DataSource,
    private readonly repository: ArrivalRepository,
    private readonly halt: RestoreHalt,
    private readonly trades: BrokerTradesService,
    private readonly ideas: ApprovalsService,
    private readonly proposals: IdeasService,
    private readonly commands: ServerCommands,
    private readonly incidents: Incidents,
    private readonly events: Events,
    private readonly audit: AuthAudit,
  ) {}

  async arrive(arriving: Arriving): Promise<Arrived> {
    const arrival = (await this.repository.of(arriving.id)) ?? (await inTransaction(this.dataSource, (tx) => this.within(tx, arriving)));
    return { ...arrival, effective: await this.halt.within(arrival.halt_id, CARRIED_THROUGH_WITHIN_MS), refusesOpenings: await this.refuses() };
  }

  /** Asked as a person asks; nothing is written. */
  private async refuses(): Promise<boolean | null> {
    const agents = await this.repository.oneOfEachMode();
    const verdicts = await Promise.all(agents.map((executorAgentId) => this.proposals.check(ASKING, { symbol: 'EURUSD', direction: 'long', lotSize: '0.01', rationale: 'Does the halt hold?', executorAgentId })));
    return verdicts.length === 0 ? null : verdicts.every(({ verdict }) => verdict === 'halted_by_risk');
  }

  private async within(tx: Tx, { id, backup, backupAt, drill }: Arriving): Promise<StoredArrival> {
    const why = `restored from a backup of ${backupAt}`;
    await this.repository.holdAll(tx);
    const halt = await this.halt.impose(tx, `Restored from the backup ${backup}, which knows nothing after ${backupAt}. Compare what brokers show with what is stored, then release.`);
    const unknownTrades = await this.doubtTrades(tx, backupAt, why);
    const expiredCommands = await this.repository.expireStale(tx, backupAt, why);
    const doubted = await this.repository.doubt(tx, backupAt, why);
    const requeuedCommands = await this.repository.takeBackLeases(tx);
    await this.tell(tx, doubted, backupAt);
    const figures = {
      unknownTrades, expiredCommands, unknownCommands: doubted.length, requeuedCommands,
      expiredIdeas: await this.ideas.expireAll(tx, why), agents: await this.repository.forgetAgents(tx), sessions: await this.repository.endSessions(tx),
      repeatedAnswers: await this.repository.forgetHandOuts(tx), droppedMessages: await this.repository.dropMessages(tx),
    };
    await this.repository.endBackups(tx);
    await this.repository.schedulesDue(tx);
    await this.commands.askToReconcile(tx, null, await this.repository.activeAgents(tx), 0, () => ({ since: toldLate(backupAt), reason: 'RESTORED' }));
    await this.repository.note(tx, { id, backup, backupAt, haltId: halt.id, drill, figures });
    await this.events.append(tx, null, [{ type: 'restore.finished', subjectId: id, data: { backup, backupAt, haltId: halt.id, drill, ...figures } }]);
    await this.audit.record({ kind: 'restored', actor: 'system', origin: RESTORING }, tx);
    const arrival = await this.repository.of(id, tx);
    if (!arrival) throw new Error('the arrival was not stored');
    return arrival;
  }

  /** Since the backup anything may have become of them. Their brokers say it. */
  private async doubtTrades(tx: Tx, backupAt: string, reason: string): Promise<number> {
    const unfinished = await this.repository.unfinishedLive(tx);
    for (const { id, status: from } of unfinished) {
      const row = await this.trades.move(tx, { id, from, to: 'unknown', occurred_at: backupAt, reason, facts: {}, entry_price: null, entry_time: null, broker_position_id: null, missing_since: null }, { actor: 'system', correlationId: null });
      if (row) await this.events.append(tx, null, [stepEvent(row, from, { occurredAt: backupAt, late: true })]);
    }
    return unfinished.length;
  }

  private tell(tx: Tx, doubted: readonly UnsettledCommand[], backupAt: string): Promise<void> {
    return this.incidents.openAll(tx, null, doubted.map(({ id, agent_id: agentId, type, class: kind }) => ({
      kind: 'COMMAND_UNKNOWN' as const, severity: kind === 'opens' ? 'critical' as const : 'warning' as const, subjectId: id, agentId, data: { type, backupAt },
      summary: `Nobody knows whether ${type} reached the broker after the backup of ${backupAt}, from which this system was restored.`,
    })));
  }
}
