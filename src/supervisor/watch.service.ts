import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Schedules } from '../database/schedules.js';
import { inTransaction } from '../database/transaction.js';
import { Incidents } from '../incidents/incidents.service.js';
import { inSession } from '../strategies/in-session.js';
import type { Sessions } from '../instruments/terms.js';
import { type StaleMarks, SupervisionRepository } from './supervision.repository.js';

const LOOK_EVERY_SECONDS = 5;

/** What keeps trades from being watched over: prices that have stopped, and stops that the broker lacks. */
@Injectable()
export class WatchService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly supervision: SupervisionRepository,
    private readonly incidents: Incidents,
    schedules: Schedules,
  ) {
    schedules.every(LOOK_EVERY_SECONDS, 'supervisor.stale-marks', () => this.staleMarks());
    schedules.every(LOOK_EVERY_SECONDS, 'supervisor.missing-stops', () => this.missingStops());
  }

  /** One incident for an agent, whose feed it is; only while the instrument trades. */
  staleMarks(now = new Date()): Promise<void> {
    return inTransaction(this.dataSource, async (tx) => {
      await this.supervision.alone(tx, 'MARKS_STALE');
      const stale = (await this.supervision.staleMarks(tx)).filter(({ sessions }) => isOpen(sessions, now));
      const byAgent = Map.groupBy(stale, ({ agent_id }) => agent_id);
      const open = await this.supervision.openIncidents(tx, 'MARKS_STALE');
      await this.incidents.openAll(tx, null, [...byAgent].filter(([id]) => !open.includes(id)).map(([agentId, trades]) => ({
        kind: 'MARKS_STALE' as const, severity: 'critical' as const, subjectId: agentId, agentId, data: staleData(trades),
        summary: `No fresh marks of ${countOf(trades)} open trade(s) in ${trades.map(({ symbol }) => symbol).join(', ')}: their rules on prices are not judged.`,
      })));
      await this.incidents.resolve(tx, null, 'MARKS_STALE', open.filter((id) => !byAgent.has(id)), 'marks come again, or the trades have ended');
    });
  }

  missingStops(): Promise<void> {
    return inTransaction(this.dataSource, async (tx) => {
      await this.supervision.alone(tx, 'STOP_MISSING');
      const without = await this.supervision.withoutStop(tx);
      const open = await this.supervision.openIncidents(tx, 'STOP_MISSING');
      await this.incidents.openAll(tx, null, without.filter(({ id }) => !open.includes(id)).map(({ id, agent_id: agentId, symbol, account, broker_position_id: brokerPositionId, size }) => ({
        kind: 'STOP_MISSING' as const, severity: 'critical' as const, subjectId: id, agentId, data: { symbol, account, brokerPositionId, size },
        summary: `A live trade of ${size} ${symbol} on ${account} has no stop at the broker.`,
      })));
      await this.incidents.resolve(tx, null, 'STOP_MISSING', open.filter((id) => !without.some((trade) => trade.id === id)), 'the broker shows a stop, or the trade has ended');
    });
  }
}

const countOf = (trades: StaleMarks[]): number => trades.reduce((sum, { count }) => sum + count, 0);
const staleData = (trades: StaleMarks[]) => ({ count: countOf(trades), symbols: trades.map(({ symbol }) => symbol), tradeIds: trades.flatMap(({ trade_ids: ids }) => ids).slice(0, 50) });

/** Where nobody told sessions, always: an alarm too many. */
function isOpen(sessions: Sessions | null, now: Date): boolean {
  if (sessions === null) return true;
  const { zone, windows, holidays, earlyCloses } = sessions;
  const days = [...holidays.map((date) => ({ date, closed: true as const })), ...earlyCloses.map(({ date, at }) => ({ date, closesAt: at }))];
  return inSession(windows.map((window) => ({ ...window, zone })), days, now).open;
}
