import { Inject, Injectable } from '@nestjs/common';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import type { IncidentKindName, Severity } from '../incidents/incident-kinds.js';
import { Incidents } from '../incidents/incidents.service.js';
import { BackupsRepository } from './backups.repository.js';

const SUBJECT = 'database';
const KINDS = ['BACKUP_FAILED', 'BACKUP_OVERDUE', 'OFFSITE_COPY_OVERDUE'] as const;

type Finding = { kind: (typeof KINDS)[number]; severity: Severity; summary: string; data: Record<string, unknown> };

/** What is wrong with the backups of this database, judged anew from what is stored each time: whoever looks finds the same. */
@Injectable()
export class BackupIncidents {
  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly backups: BackupsRepository,
    private readonly events: Events,
    private readonly incidents: Incidents,
  ) {}

  /** Runs whose process ended without a word. */
  async endLapsed(tx: Tx): Promise<void> {
    const lapsed = await this.backups.endLapsed(tx);
    await this.events.append(tx, null, lapsed.map(({ id, error }) => ({ type: 'backup.failed', subjectId: id, data: { error, interrupted: false } })));
  }

  async judge(tx: Tx): Promise<void> {
    const found = await this.findings(tx);
    // Seen again only when it is something else: an incident would count each look.
    const open = await tx.sql<{ kind: IncidentKindName; summary: string }[]>`select kind, summary from incidents where kind = any(${KINDS}::text[]) and subject_id = ${SUBJECT} and resolved_at is null`;
    const news = found.filter(({ kind }) => !open.some((each) => each.kind === kind));
    await this.incidents.openAll(tx, null, news.map((finding) => ({ ...finding, subjectId: SUBJECT, agentId: null })));
    const over = open.map(({ kind }) => kind).filter((kind) => !found.some((each) => each.kind === kind));
    if (over.length > 0) await this.incidents.resolve(tx, null, over, [SUBJECT], 'a later backup was good');
  }

  private async findings(tx: Tx): Promise<Finding[]> {
    const standing = await this.backups.standing(tx);
    const outcome = await this.backups.lastOutcome(tx);
    const { BACKUP_MAX_AGE_HOURS: hours, BACKUP_UPLOAD_COMMAND: command } = this.env;
    const found: Finding[] = [];
    if (outcome?.status === 'failed') {
      found.push({ kind: 'BACKUP_FAILED', severity: 'warning', summary: `The last backup failed: ${outcome.error ?? 'nobody knows why'}.`, data: { startedAt: outcome.started_at, error: outcome.error } });
    }
    if (hours === 0) return found;
    const isLate = (age: number | null) => age !== null && age > hours * 3_600;
    const isExpected = this.env.NODE_ENV === 'production' || this.env.BACKUP_CRON !== undefined || standing.runs > 0;
    const age = standing.verifiedAge ?? standing.systemAge;
    if (isExpected && isLate(age)) {
      const summary = standing.verifiedAge === null ? 'No backup of this database was ever proven.' : `The last proven backup is ${inHours(standing.verifiedAge)} h old.`;
      found.push({ kind: 'BACKUP_OVERDUE', severity: 'critical', summary, data: { ageHours: standing.verifiedAge === null ? null : inHours(standing.verifiedAge) } });
    }
    const offsite = command === undefined && standing.offsiteAge === null ? null : this.offsite(standing.offsiteAge ?? (standing.verifiedAge === null ? null : standing.systemAge), standing.offsiteAge, standing.offsiteError, isLate);
    return offsite ? [...found, offsite] : found;
  }

  private offsite(age: number | null, copiedAge: number | null, error: string | null, isLate: (age: number | null) => boolean): Finding | null {
    if (error === null && !isLate(age)) return null;
    const summary = error !== null ? `The last backup was not copied to another machine: ${error}.` : copiedAge === null ? 'No backup was ever copied to another machine.' : `The last copy on another machine is ${inHours(copiedAge)} h old.`;
    return { kind: 'OFFSITE_COPY_OVERDUE', severity: 'warning', summary, data: { ageHours: copiedAge === null ? null : inHours(copiedAge), error } };
  }
}

const inHours = (seconds: number): number => Math.floor(seconds / 3_600);
