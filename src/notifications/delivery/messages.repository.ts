import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transaction.js';
import type { Channel, Content } from '../channels/channel.js';
import { WORTHY } from './deliveries.repository.js';

/** A message that this instance sends. */
export interface Claimed {
  id: string;
  content: Content;
  /** With this one. */
  attempts: number;
  reached: string[];
}

export interface ChannelLuck {
  failures: number;
  failing_seconds: number;
}

/** Twice what the slowest attempt may take: whoever holds it longer has died. */
const LEASE_SECONDS = 60;
const KEPT_HOURS = 24;

@Injectable()
export class MessagesRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Until the transaction ends nobody else changes what waits on the channel. @returns seconds since its last message went out, null: never; undefined: somebody does now */
  async hold(tx: Tx, channel: Channel): Promise<number | null | undefined> {
    const [row] = await tx.sql<{ since: number | null }[]>`select extract(epoch from app_clock() - last_sent_at)::float8 as since from notification_channels where channel = ${channel} for update skip locked`;
    return row?.since;
  }

  /** As `hold`, and waits for it. */
  async wait(tx: Tx, channel: Channel): Promise<void> {
    await tx.sql`select 1 from notification_channels where channel = ${channel} for update`;
  }

  async isWaiting(tx: Tx, channel: Channel): Promise<boolean> {
    const rows: unknown[] = await tx.sql`select 1 from notification_messages where channel = ${channel} and status = 'waiting'`;
    return rows.length > 0;
  }

  async create(tx: Tx, channel: Channel, content: Content): Promise<string> {
    const [row] = await tx.sql<{ id: string }[]>`
      with created as (insert into notification_messages (channel, content) values (${channel}, ${JSON.stringify(content)}::jsonb) returning id) select id from created`;
    if (!row) throw new Error('the message was not stored');
    return row.id;
  }

  /** Of which nothing is worth telling any more, and that nobody sends now. */
  async unworthy(tx: Tx, channel: Channel): Promise<{ id: string; reached: string[] } | null> {
    const [row] = await tx.sql<{ id: string; reached: string[] }[]>`
      select m.id, m.reached from notification_messages m
      where m.channel = ${channel} and m.status = 'waiting' and (m.lease_until is null or m.lease_until <= app_clock())
        and (m.created_at <= app_clock() - make_interval(hours => ${KEPT_HOURS}) or not exists (select from notification_deliveries d join incidents i on i.id = d.incident_id where d.message_id = m.id and ${() => WORTHY}))
      for update of m`;
    return row ?? null;
  }

  async end(tx: Tx, id: string, status: 'sent' | 'given_up' | 'dropped'): Promise<void> {
    await tx.sql`update notification_messages set status = ${status}, ended_at = app_clock(), lease_until = null, lease_token = null where id = ${id}`;
  }

  /** The message of the channel, where it is due and nobody sends it. A claim lapses by itself when its holder dies; then it is sent again, under the same id. */
  async claim(channel: Channel, token: string): Promise<Claimed | null> {
    const [row] = await this.dataSource.sql<Claimed[]>`
      with claimed as (
        update notification_messages set lease_until = app_clock() + make_interval(secs => ${LEASE_SECONDS}), lease_token = ${token}, attempts = attempts + 1
        where channel = ${channel} and status = 'waiting' and next_attempt_at <= app_clock() and (lease_until is null or lease_until <= app_clock())
        returning id, content, attempts, reached
      ) select * from claimed`;
    return row ?? null;
  }

  /** What an attempt came to. False: the claim had lapsed, and another instance has it. */
  async note(tx: Tx, id: string, token: string, { reached, fault, inSeconds }: { reached: readonly string[]; fault: string | null; inSeconds: number }): Promise<boolean> {
    const rows: unknown[] = await tx.sql`
      with noted as (
        update notification_messages set reached = reached || ${reached}::text[], last_error = ${fault}, next_attempt_at = app_clock() + make_interval(secs => ${inSeconds}), lease_until = null, lease_token = null
        where id = ${id} and lease_token = ${token} and status = 'waiting' returning 1
      ) select 1 from noted`;
    return rows.length === 1;
  }

  /** The channel was seen to work: what waits on it is tried at once. */
  async hurry(tx: Tx, channel: Channel): Promise<void> {
    await tx.sql`update notification_messages set next_attempt_at = least(next_attempt_at, app_clock()) where channel = ${channel} and status = 'waiting'`;
  }

  /** @param fault null: all was well */
  async luck(tx: Tx, channel: Channel, wentOut: boolean, fault: string | null): Promise<ChannelLuck> {
    const [row] = await tx.sql<ChannelLuck[]>`
      with noted as (
        update notification_channels set last_sent_at = case when ${wentOut}::boolean then app_clock() else last_sent_at end,
          failures = case when ${fault}::text is null then 0 else failures + 1 end, failing_since = case when ${fault}::text is not null then coalesce(failing_since, app_clock()) end,
          last_error = ${fault}, last_error_at = case when ${fault}::text is not null then app_clock() end
        where channel = ${channel} returning failures, coalesce(extract(epoch from app_clock() - failing_since), 0)::float8 as failing_seconds
      ) select * from noted`;
    return row ?? { failures: 0, failing_seconds: 0 };
  }
}
