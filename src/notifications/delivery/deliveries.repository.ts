import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transaction.js';
import type { Severity } from '../../incidents/incident-kinds.js';
import type { Channel } from '../channels/channel.js';
import type { Telling } from './telling.js';

/** A channel on which people are told, and from which severity on. */
export interface Told {
  channel: Channel;
  minimumSeverity: Severity;
}

/** An incident is told at most once a minute, however it changes. */
const INCIDENT_EVERY_SECONDS = 60;
/** What nobody could be told for a day is old news. */
const KEPT_HOURS = 24;
const TOLD_TOGETHER_MOST = 500;
const CLEAN_BATCH = 1_000;
const NO_ID = '00000000-0000-0000-0000-000000000000';

const RANK = (severity: string) => `array_position(array['info','warning','critical'], ${severity})`;
/** A channel that fails is told of by the others. */
const NOT_OF_ITSELF = `not (i.kind = 'NOTIFICATION_FAILING' and i.subject_id = a.channel)`;

/** Whether a person is still to be told of `d`, which is an occurrence of `i`. */
export const WORTHY = `(d.planned_at > app_clock() - interval '${KEPT_HOURS} hours'
  and case when d.occurrence = 'over' then i.resolved_at is not null else i.resolved_at is null and i.acknowledged_at is null end)`;

@Injectable()
export class DeliveriesRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * A row for each occurrence that is to be told on each channel. Made from what the incidents are, not from what was
   * seen to happen: nothing is missed by who was not there, and however many look there is one row.
   * What came and went while nobody could be told is told as over.
   * @param hours how far back what is over is looked for
   */
  async plan(channels: readonly Told[], hours: number): Promise<void> {
    const asked = JSON.stringify(channels.map(({ channel, minimumSeverity }) => ({ channel, least: minimumSeverity })));
    await this.dataSource.sql`
      with asked as materialized (
        select a.channel, ${() => RANK('a.least')} as least, c.enabled_since
        from jsonb_to_recordset(${asked}::jsonb) as a (channel text, least text) join notification_channels c on c.channel = a.channel
      ), found as (
        select i.id, a.channel, i.severity || ':' || i.repeats as occurrence from asked a cross join incidents i
        where i.resolved_at is null and i.acknowledged_at is null and ${() => RANK('i.severity')} >= a.least and ${() => NOT_OF_ITSELF}
        union all
        select i.id, a.channel, 'over' from asked a cross join incidents i
        where i.resolved_at > app_clock() - make_interval(hours => ${Math.ceil(hours)}) and ${() => NOT_OF_ITSELF} and (
          exists (select from notification_deliveries d where d.incident_id = i.id and d.channel = a.channel and d.status = 'sent')
          or (i.acknowledged_at is null and ((${() => RANK('i.severity')} >= a.least and i.opened_at >= a.enabled_since)
            or exists (select from notification_deliveries d where d.incident_id = i.id and d.channel = a.channel))))
      )
      insert into notification_deliveries (incident_id, channel, occurrence)
      select f.id, f.channel, f.occurrence from found f
      where not exists (select from notification_deliveries d where d.incident_id = f.id and d.channel = f.channel and d.occurrence = f.occurrence)
      order by f.id, f.channel, f.occurrence on conflict do nothing`;
  }

  /** What was acknowledged or is over before it could be told, or has waited for a day. */
  async dropUnworthy(tx: Tx, channel: Channel): Promise<void> {
    await tx.sql`
      update notification_deliveries d set status = 'dropped', ended_at = app_clock() from incidents i
      where i.id = d.incident_id and d.channel = ${channel} and d.status = 'waiting' and d.message_id is null and not ${() => WORTHY}`;
  }

  /** What is to be told now, an incident once. Those that were told within the last minute wait. */
  due(tx: Tx, channel: Channel): Promise<Telling[]> {
    return tx.sql`
      select i.id as incident_id, i.seq, i.kind, i.severity, i.summary, i.subject_type, i.subject_id, i.opened_at, i.resolved_at, i.resolution, i.occurrences, i.repeats, g.name as agent, n.name as account,
        case when coalesce(g.mode, i.data ->> 'executionMode') in ('simulation','paper','live') then coalesce(g.mode, i.data ->> 'executionMode') end as mode,
        bool_or(d.occurrence = 'over') as is_over,
        exists (select from notification_deliveries p where p.incident_id = i.id and p.channel = ${channel} and p.status = 'sent') as told
      from notification_deliveries d join incidents i on i.id = d.incident_id left join agents g on g.id = i.agent_id left join accounts n on n.id = i.account_id
      where d.channel = ${channel} and d.status = 'waiting' and d.message_id is null and not exists (
        select from notification_deliveries p where p.incident_id = i.id and p.channel = ${channel} and p.status = 'sent' and p.ended_at > app_clock() - make_interval(secs => ${INCIDENT_EVERY_SECONDS}))
      group by i.id, g.name, g.mode, n.name
      order by bool_or(d.occurrence = 'over'), ${() => RANK('i.severity')} desc, i.seq limit ${TOLD_TOGETHER_MOST}`;
  }

  async putInto(tx: Tx, messageId: string, channel: Channel, incidentIds: readonly string[]): Promise<void> {
    await tx.sql`update notification_deliveries set message_id = ${messageId} where channel = ${channel} and status = 'waiting' and message_id is null and incident_id = any(${incidentIds}::uuid[])`;
  }

  /**
   * How those of a message ended. When it was sent, repetitions that came while it waited were told by it too.
   * @returns the incidents
   */
  async end(tx: Tx, messageId: string, channel: Channel, status: 'sent' | 'given_up' | 'dropped'): Promise<string[]> {
    const ended = await tx.sql<{ incident_id: string }[]>`
      with ended as (
        update notification_deliveries set status = ${status}, ended_at = app_clock() where message_id = ${messageId} and status = 'waiting' returning incident_id
      ) select distinct incident_id from ended`;
    if (status === 'sent') {
      await tx.sql`
        update notification_deliveries d set status = 'sent', ended_at = app_clock(), message_id = ${messageId}
        where d.channel = ${channel} and d.status = 'waiting' and d.message_id is null and exists (
          select from notification_deliveries m where m.message_id = ${messageId} and m.incident_id = d.incident_id
            and ${() => RANK(`split_part(m.occurrence, ':', 1)`)} >= ${() => RANK(`split_part(d.occurrence, ':', 1)`)})`;
    }
    return ended.map(({ incident_id: id }) => id);
  }

  /** What is long over, a bounded batch at a time. Rows of an incident that is open say what was told of it. */
  async clean(days: number, batch = CLEAN_BATCH): Promise<void> {
    for (let after: string | null = NO_ID; after !== null; ) after = await this.cleanDeliveries(days, after, batch);
    for (const [table, ended] of [['notification_messages', 'ended_at'], ['telegram_updates', 'read_at']] as const) {
      for (let gone = batch; gone === batch; ) {
        const rows: unknown[] = await this.dataSource.sql`
          with old as (select ctid from ${() => table} where ${() => ended} < app_clock() - make_interval(days => ${days}) limit ${batch}),
            gone as (delete from ${() => table} t using old where t.ctid = old.ctid returning 1)
          select * from gone`;
        gone = rows.length;
      }
    }
  }

  /** Of so many incidents behind one, in the order of their ids, so that what stays is looked at once. Returns the last of them; null: there are no more. */
  private async cleanDeliveries(days: number, after: string, batch: number): Promise<string | null> {
    const [page] = await this.dataSource.sql<{ last: string | null }[]>`
      with page as materialized (
        select distinct incident_id from notification_deliveries where incident_id > ${after}::uuid order by incident_id limit ${batch}
      ), gone as (
        delete from notification_deliveries d using page p join incidents i on i.id = p.incident_id
        where d.incident_id = p.incident_id and i.resolved_at < app_clock() - make_interval(days => ${days}) and d.status <> 'waiting'
      ) select (select incident_id from page order by incident_id desc limit 1) as last`;
    return page?.last ?? null;
  }
}
