import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { notFound } from '../common/problem.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { INCIDENT_KINDS, type IncidentKindName, type Severity } from './incident-kinds.js';
import { type IncidentRow, IncidentsRepository } from './incidents.repository.js';

export interface NewIncident {
  kind: IncidentKindName;
  severity: Severity;
  subjectId: string;
  /** Its account is the incident's, unless that is named. */
  agentId: string | null;
  accountId?: string;
  /** One sentence for the person who is woken. */
  summary: string;
  data?: Record<string, unknown>;
}

/** Those that are due wait this long at most. */
const LOOK_EVERY_SECONDS = 60;

/** What a person must see: opened once, told again until somebody acknowledges it, and closed by the end of its cause. */
@Injectable()
export class Incidents {
  constructor(
    private readonly dataSource: DataSource,
    private readonly incidents: IncidentsRepository,
    schedules: Schedules,
  ) {
    schedules.every(LOOK_EVERY_SECONDS, 'incidents.repeat', () => this.tellAgain());
    schedules.every(LOOK_EVERY_SECONDS, 'incidents.close-quiet', () => this.closeQuiet());
  }

  /** In the transaction of what caused it. @param caller null for what the server found by itself */
  open(tx: Tx, caller: Caller | null, incident: NewIncident): Promise<void> {
    return this.openAll(tx, caller, [incident]);
  }

  /** Many, no subject twice in one kind. */
  async openAll(tx: Tx, caller: Caller | null, incidents: readonly NewIncident[]): Promise<void> {
    if (incidents.length === 0) return;
    const seen = incidents.map(({ kind, data = {}, ...rest }) => ({ ...rest, kind, data, subjectType: INCIDENT_KINDS[kind].subject, quietSeconds: INCIDENT_KINDS[kind].quietSeconds }));
    await this.incidents.see(tx, seen, ...by(caller));
  }

  /** Its cause is gone. Nothing happens where none is open. */
  async resolve(tx: Tx, caller: Caller | null, kinds: IncidentKindName | readonly IncidentKindName[], subjectIds: readonly string[], resolution: string): Promise<void> {
    if (subjectIds.length > 0) await this.incidents.resolve(tx, [kinds].flat(), subjectIds, ...by(caller), resolution);
  }

  /** The first who says so is named, whoever says it again. @throws {Problem} 404 */
  acknowledge(caller: Caller, id: string, note: string | null): Promise<IncidentRow> {
    return inTransaction(this.dataSource, (tx) => this.acknowledgeWithin(tx, caller, id, note));
  }

  /** As `acknowledge`, in the transaction of what says so. */
  async acknowledgeWithin(tx: Tx, caller: Caller, id: string, note: string | null): Promise<IncidentRow> {
    return found(await this.incidents.acknowledge(tx, id, actorOf(caller.principal), caller.correlationId, note));
  }

  async get(id: string): Promise<IncidentRow> {
    return found(await this.incidents.byId(id));
  }

  async tellAgain(): Promise<void> {
    while ((await this.incidents.repeat()) > 0);
  }

  async closeQuiet(): Promise<void> {
    while ((await this.incidents.resolveQuiet()) > 0);
  }
}

const by = (caller: Caller | null): [string, string | null] => (caller ? [actorOf(caller.principal), caller.correlationId] : ['system', null]);

function found(row: IncidentRow | null): IncidentRow {
  if (!row) throw notFound('incident');
  return row;
}
