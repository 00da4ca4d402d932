import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { leadOf } from '../database/newest-first.js';
import type { Tx } from '../database/transaction.js';
import type { IncidentKindName, IncidentSubject, Severity } from './incident-kinds.js';

export const INCIDENT_STATUSES = ['open', 'acknowledged', 'resolved'] as const;
export type IncidentStatus = (typeof INCIDENT_STATUSES)[number];

export interface IncidentRow {
  id: string; seq: number; kind: IncidentKindName; severity: Severity; subject_type: IncidentSubject; subject_id: string; agent_id: string | null;
  account_id: string | null; summary: string; data: Record<string, unknown>; opened_at: string; last_seen_at: string; occurrences: number; repeats: number;
  acknowledged_at: string | null; acknowledged_by: string | null; note: string | null; resolved_at: string | null; resolved_by: string | null; resolution: string | null;
  status: IncidentStatus;
}

/** What is opened, or seen again. */
export interface SeenIncident {
  kind: IncidentKindName;
  severity: Severity;
  subjectType: IncidentSubject;
  subjectId: string;
  agentId: string | null;
  /** The agent's unless it is named. */
  accountId?: string;
  summary: string;
  data: Record<string, unknown>;
  quietSeconds: number | null;
}

export interface IncidentFilter {
  agentId?: string | undefined;
  accountId?: string | undefined;
  kind?: IncidentKindName | undefined;
  severity?: Severity | undefined;
  status?: IncidentStatus | undefined;
}

const RANK = (severity: string) => `array_position(array['info','warning','critical'], ${severity})`;
const WORSE = `${RANK('excluded.severity')} > ${RANK('incidents.severity')}`;
/** How often a person is told again of what nobody has acknowledged. */
const REPEAT = (severity: string) => `case ${severity} when 'critical' then interval '5 minutes' when 'warning' then interval '1 hour' else interval '1 day' end`;
const STATUS = `case when resolved_at is not null then 'resolved' when acknowledged_at is not null then 'acknowledged' else 'open' end`;
const ABOUT = `jsonb_build_object('kind', kind, 'severity', severity, 'subjectType', subject_type, 'subjectId', subject_id, 'summary', summary)`;

const OF_AGENT = '(select account_id from agents where id = agent_id)';

/**
 * CTEs `seen` and `seen_logged` for a statement that opens incidents with what causes them. An incident is opened
 * once: while it is not resolved, seeing it again counts on the first; one that got worse has to be acknowledged anew.
 * @param rows a table expression with kind, severity, subject_type, subject_id, agent_id, summary, data, quiet_seconds
 * @param actor SQL of who caused them, and of the correlation id
 * @param account SQL of a row's account
 */
export const SEEN_INCIDENTS = (rows: string, actor: string, correlation: string, account = OF_AGENT) => `
  seen as (
    insert into incidents (kind, severity, subject_type, subject_id, agent_id, account_id, summary, data, quiet_seconds, repeat_at)
    select kind, severity, subject_type, subject_id, agent_id, ${account}, summary, data, quiet_seconds, app_clock() + ${REPEAT('severity')}
    from ${rows} as found order by kind, subject_type, subject_id
    on conflict (kind, subject_type, subject_id) where resolved_at is null do update set
      occurrences = incidents.occurrences + 1, last_seen_at = app_clock(), summary = excluded.summary, data = excluded.data,
      severity = case when ${WORSE} then excluded.severity else incidents.severity end,
      acknowledged_at = case when ${WORSE} then null else incidents.acknowledged_at end,
      acknowledged_by = case when ${WORSE} then null else incidents.acknowledged_by end,
      repeat_at = case when ${WORSE} then excluded.repeat_at else incidents.repeat_at end
    returning *, xmax = 0 as is_new
  ), seen_logged as (
    insert into events (type, subject_id, agent_id, account_id, actor, correlation_id, data)
    select 'incident.opened', id, agent_id, account_id, ${actor}, ${correlation}, ${ABOUT} from seen where is_new order by seq
  )`;

@Injectable()
export class IncidentsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Many in one statement; no subject twice in one kind. */
  async see(tx: Tx, incidents: readonly SeenIncident[], actor: string, correlationId: string | null): Promise<void> {
    const found = `(select kind, severity, "subjectType" as subject_type, "subjectId" as subject_id, "agentId" as agent_id, "accountId" as named_account, summary, data, "quietSeconds" as quiet_seconds
      from jsonb_to_recordset($1::jsonb) as i (kind text, severity text, "subjectType" text, "subjectId" text, "agentId" uuid, "accountId" uuid, summary text, data jsonb, "quietSeconds" int))`;
    await tx.query(`with ${SEEN_INCIDENTS(found, '$2::text', '$3::text', `coalesce(named_account, ${OF_AGENT})`)} select 1 from seen`, [JSON.stringify(incidents), actor, correlationId]);
  }

  /** Ends those that are not over yet. Returns how many. */
  async resolve(tx: Tx, kinds: readonly IncidentKindName[], subjectIds: readonly string[], actor: string, correlationId: string | null, resolution: string): Promise<number> {
    const rows: unknown[] = await tx.sql`
      with ended as (
        update incidents set resolved_at = app_clock(), resolved_by = ${actor}, resolution = ${resolution}, repeat_at = null
        where kind = any(${kinds}::text[]) and subject_id = any(${subjectIds}::text[]) and resolved_at is null returning *
      ), logged as (
        insert into events (type, subject_id, agent_id, account_id, actor, correlation_id, data)
        select 'incident.resolved', id, agent_id, account_id, ${actor}, ${correlationId}::text, ${() => ABOUT} || jsonb_build_object('resolution', resolution) from ended order by seq
      ) select 1 from ended`;
    return rows.length;
  }

  /** The cause of these was only ever seen by what it did, and has done nothing for long enough. */
  async resolveQuiet(limit = 500): Promise<number> {
    const rows: unknown[] = await this.dataSource.sql`
      with quiet as (
        select id from incidents where resolved_at is null and last_seen_at + make_interval(secs => quiet_seconds) <= app_clock() limit ${limit} for update skip locked
      ), ended as (
        update incidents i set resolved_at = app_clock(), resolved_by = 'system', resolution = 'not seen again', repeat_at = null from quiet where i.id = quiet.id returning i.*
      ), logged as (
        insert into events (type, subject_id, agent_id, account_id, actor, data)
        select 'incident.resolved', id, agent_id, account_id, 'system', ${() => ABOUT} || jsonb_build_object('resolution', resolution) from ended order by seq
      ) select 1 from ended`;
    return rows.length;
  }

  /** Tells again of what nobody has acknowledged. Returns how many. */
  async repeat(limit = 500): Promise<number> {
    const rows: unknown[] = await this.dataSource.sql`
      with due as (
        select id from incidents where repeat_at <= app_clock() order by repeat_at limit ${limit} for update skip locked
      ), again as (
        update incidents i set repeats = i.repeats + 1, repeat_at = app_clock() + ${() => REPEAT('i.severity')} from due where i.id = due.id returning i.*
      ), logged as (
        insert into events (type, subject_id, agent_id, account_id, actor, data)
        select 'incident.repeated', id, agent_id, account_id, 'system', ${() => ABOUT} || jsonb_build_object('repeats', repeats, 'openedAt', opened_at) from again order by seq
      ) select 1 from again`;
    return rows.length;
  }

  /** The first acknowledgement stands. Null when there is no such incident. */
  async acknowledge(tx: Tx, id: string, actor: string, correlationId: string, note: string | null): Promise<IncidentRow | null> {
    await tx.sql`
      with noted as (
        update incidents set acknowledged_at = app_clock(), acknowledged_by = ${actor}, note = ${note}, repeat_at = null
        where id = ${id} and acknowledged_at is null returning *
      ) insert into events (type, subject_id, agent_id, account_id, actor, correlation_id, data)
      select 'incident.acknowledged', id, agent_id, account_id, ${actor}, ${correlationId}, ${() => ABOUT} || jsonb_build_object('note', note) from noted`;
    return this.byId(id, tx);
  }

  async byId(id: string, tx: Tx = this.dataSource.manager): Promise<IncidentRow | null> {
    const [row] = await tx.sql<IncidentRow[]>`select *, ${() => STATUS} as status from incidents where id = ${id}`;
    return row ?? null;
  }

  /** Newest first. */
  list({ agentId, accountId, kind, severity, status }: IncidentFilter, limit: number, before: string | undefined, tx: Tx = this.dataSource.manager): Promise<IncidentRow[]> {
    const lead = leadOf(['agent_id', 'account_id', 'kind'], { agent_id: agentId, account_id: accountId, kind });
    // What is not over has an index of its own: it is little, however long the history.
    const unresolved = status === undefined || status === 'resolved' ? '' : 'and resolved_at is null';
    return tx.sql`
      select *, ${() => STATUS} as status from incidents
      where ${() => lead.column} = any(${lead.values}) ${() => unresolved}
        and (${lead.rest('account_id')}::uuid is null or account_id = ${lead.rest('account_id')}::uuid)
        and (${lead.rest('kind')}::text is null or kind = ${lead.rest('kind')}::text)
        and (${severity ?? null}::text is null or severity = ${severity ?? null}::text)
        and (${status ?? null}::text is null or ${() => STATUS} = ${status ?? null}::text)
        and (${before ?? null}::bigint is null or seq < ${before ?? null}::bigint)
      order by ${() => lead.order} seq desc limit ${limit + 1}`;
  }

  /** Of what is not over, by severity and by whether somebody has seen it. */
  unresolved(tx: Tx): Promise<{ severity: Severity; acknowledged: boolean; count: number }[]> {
    return tx.sql`select severity, acknowledged_at is not null as acknowledged, count(*)::int as count from incidents where resolved_at is null group by 1, 2`;
  }
}
