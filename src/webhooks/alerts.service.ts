import { Injectable } from '@nestjs/common';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { conflict, notFound } from '../common/problem.js';
import { afterCommit, type Tx } from '../database/transaction.js';
import { AlertsRepository, type WholeAlert } from './alerts.repository.js';
import { FINISHED_STATUSES } from './inbox/finished.repository.js';
import type { RedriveMany } from './alerts.schemas.js';
import { Inbox } from './inbox/inbox.service.js';

/** A call is one transaction: more would hold its rows for longer than duplicates of them should wait. */
const REDRIVEN_MOST = 1_000;
const USUALLY = ['quarantined', 'failed'] as const;

@Injectable()
export class AlertsService {
  constructor(
    private readonly alerts: AlertsRepository,
    private readonly inbox: Inbox,
  ) {}

  /** @throws {Problem} 404 */
  async get(id: string): Promise<WholeAlert> {
    const alert = await this.alerts.byId(id);
    if (!alert) throw notFound('alert');
    return alert;
  }

  /**
   * Carries an alert out once more, as its source maps and routes it now. An entry is a new idea, priced now.
   * @throws {Problem} 404; 409 ALERT_WAITS for its first or next run still; 409 ALERT_BODY_REMOVED for one that is too old; 409 ALERT_RUN_CHANGED when `run` is not its last one
   */
  async redrive(tx: Tx, caller: Caller, id: string, { run, reason }: { run?: number | undefined; reason?: string | undefined }): Promise<{ redriven: number; more: boolean }> {
    const alert = await this.alerts.lock(tx, id);
    if (!alert) throw notFound('alert');
    if (run !== undefined && alert.run !== run) throw conflict('ALERT_RUN_CHANGED', `The alert is in run ${alert.run}, not ${run}: it was redriven meanwhile.`);
    if (alert.status === 'received') throw conflict('ALERT_WAITS', 'The alert has not been carried out yet: it is tried again by itself.');
    if (alert.body_removed_at !== null) throw conflict('ALERT_BODY_REMOVED', `What was sent was removed on ${alert.body_removed_at}: there is nothing to carry out.`);
    return this.again(tx, caller, [id], false, reason);
  }

  /** All that fit, oldest first, up to 1,000; all of them or none. */
  async redriveMany(tx: Tx, caller: Caller, { filter: { status, ...filter }, reason }: RedriveMany): Promise<{ redriven: number; more: boolean }> {
    const ids = await this.alerts.toRedrive(tx, { ...filter, statuses: status === undefined ? USUALLY : [status] }, REDRIVEN_MOST + 1);
    return this.again(tx, caller, ids.slice(0, REDRIVEN_MOST), ids.length > REDRIVEN_MOST, reason);
  }

  private async again(tx: Tx, caller: Caller, ids: readonly string[], more: boolean, reason: string | undefined): Promise<{ redriven: number; more: boolean }> {
    const redriven = await this.alerts.redrive(tx, ids, FINISHED_STATUSES, actorOf(caller.principal), caller.correlationId, reason ?? null);
    afterCommit(tx, () => this.inbox.soon());
    return { redriven, more };
  }
}
