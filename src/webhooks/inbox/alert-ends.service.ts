import { Injectable } from '@nestjs/common';
import { Metrics } from '../../common/metrics.js';
import { afterCommit, type Tx } from '../../database/transaction.js';
import { Incidents } from '../../incidents/incidents.service.js';
import { type FinishedAlert, FinishedRepository } from './finished.repository.js';

export type Ending = FinishedAlert & {
  /** A quarantine that is a critical incident: an exit, or nobody knows what it was. */
  isUrgent: boolean;
  isRedriven: boolean;
  source: { id: string; name: string; executorAgentId: string | null };
};

/** Ends runs of alerts, with what people are told of it. */
@Injectable()
export class AlertEnds {
  constructor(
    private readonly finished: FinishedRepository,
    private readonly incidents: Incidents,
    private readonly metrics: Metrics,
  ) {}

  /** @returns the ids that ended: not those that were no longer waiting in that run */
  async end(tx: Tx, endings: readonly Ending[]): Promise<Set<string>> {
    const ids = await this.finished.finish(tx, endings.map(({ isUrgent: _urgent, isRedriven: _redriven, source: _source, ...alert }) => alert));
    const ended = endings.filter(({ id }) => ids.has(id));
    await this.tell(tx, ended.filter(({ status }) => status === 'quarantined'));
    const mended = new Set(ended.filter(({ isRedriven, status }) => isRedriven && status !== 'quarantined').map(({ source }) => source.id));
    if (mended.size > 0) await this.nothingLeft(tx, [...mended]);
    afterCommit(tx, () => {
      for (const { status } of ended) this.metrics.alertOutcome(status);
    });
    return ids;
  }

  /** A source that was silent has sent something. */
  async heard(tx: Tx, sourceIds: readonly string[]): Promise<void> {
    await this.incidents.resolve(tx, null, 'SIGNAL_SILENCE', sourceIds, 'an alert has come');
  }

  /** After the last quarantined alert of a source was redriven with success. */
  private async nothingLeft(tx: Tx, sourceIds: readonly string[]): Promise<void> {
    const left = new Set(await this.finished.withQuarantined(tx, sourceIds));
    await this.incidents.resolve(tx, null, 'ALERT_QUARANTINED', sourceIds.filter((id) => !left.has(id)), 'none of its alerts is in quarantine any more');
  }

  private async tell(tx: Tx, quarantined: readonly Ending[]): Promise<void> {
    const bySource = new Map<string, Ending[]>();
    for (const each of quarantined) bySource.set(each.source.id, [...(bySource.get(each.source.id) ?? []), each]);
    await this.incidents.openAll(tx, null, [...bySource.values()].map((alerts) => {
      const [first] = alerts as [Ending];
      const worst = alerts.find(({ isUrgent }) => isUrgent) ?? first;
      const more = alerts.length > 1 ? ` and ${alerts.length - 1} more` : '';
      return {
        kind: 'ALERT_QUARANTINED' as const, severity: worst.isUrgent ? 'critical' as const : 'warning' as const, subjectId: first.source.id, agentId: first.source.executorAgentId,
        summary: `An alert of ${first.source.name}${more} was not carried out: ${worst.code ?? ''}: ${worst.detail ?? ''}`.slice(0, 500).toWellFormed(),
        data: { alertId: worst.id, code: worst.code, alerts: alerts.length },
      };
    }));
  }
}
