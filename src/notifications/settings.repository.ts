import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import type { Channel, ChannelSettings, SecretName } from './channels/channel.js';

export interface SettingsRow {
  version: number;
  channels: ChannelSettings;
  /** Sealed. */
  secrets: Partial<Record<SecretName, string>>;
  updated_at: string;
  updated_by: string;
}

/** How it stands with a channel. */
export interface StateRow {
  channel: Channel;
  last_sent_at: string | null;
  failures: number;
  failing_since: string | null;
  last_error: string | null;
  last_error_at: string | null;
  waiting: number;
  next_attempt_at: string | null;
}

const NOTHING_SET_UP: ChannelSettings = { telegram: null, email: null, webhook: null };

@Injectable()
export class SettingsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async get(tx: Tx = this.dataSource.manager): Promise<SettingsRow> {
    return whole(await tx.sql<SettingsRow[]>`select * from notification_settings`);
  }

  /** Two who write decide one after the other. */
  async lock(tx: Tx): Promise<SettingsRow> {
    return whole(await tx.sql<SettingsRow[]>`select * from notification_settings for update`);
  }

  async update(tx: Tx, { channels, secrets, actor }: Pick<SettingsRow, 'channels' | 'secrets'> & { actor: string }): Promise<SettingsRow> {
    return whole(await tx.sql<SettingsRow[]>`
      with written as (
        update notification_settings set version = version + 1, channels = ${JSON.stringify(channels)}::jsonb, secrets = ${JSON.stringify(secrets)}::jsonb, updated_at = app_clock(), updated_by = ${actor}
        returning *
      ) select * from written`);
  }

  states(): Promise<StateRow[]> {
    return this.dataSource.sql`
      select c.channel, c.last_sent_at, c.failures, c.failing_since, c.last_error, c.last_error_at, m.next_attempt_at,
        (select count(distinct incident_id)::int from notification_deliveries d where d.channel = c.channel and d.status = 'waiting') as waiting
      from notification_channels c left join notification_messages m on m.channel = c.channel and m.status = 'waiting'`;
  }

  /** Other settings are other luck: what waits is tried at once. */
  async beginAnew(tx: Tx, channel: Channel): Promise<void> {
    await tx.sql`update notification_channels set enabled_since = coalesce(enabled_since, app_clock()), failures = 0, failing_since = null, last_error = null, last_error_at = null where channel = ${channel}`;
    await tx.sql`update notification_messages set next_attempt_at = app_clock() where channel = ${channel} and status = 'waiting'`;
  }

  /** Nothing is told on it any more, and what waits will not be told later either. */
  async silence(tx: Tx, channel: Channel): Promise<void> {
    await tx.sql`update notification_channels set enabled_since = null, failures = 0, failing_since = null, last_error = null, last_error_at = null where channel = ${channel}`;
    await tx.sql`update notification_messages set status = 'dropped', ended_at = app_clock(), lease_until = null, lease_token = null where channel = ${channel} and status = 'waiting'`;
    // Without a trace: switched on again, it tells what is open then.
    await tx.sql`delete from notification_deliveries where channel = ${channel} and status = 'waiting'`;
  }
}

function whole([row]: SettingsRow[]): SettingsRow {
  if (!row) throw new Error('the row of notification_settings is gone');
  return { ...row, channels: { ...NOTHING_SET_UP, ...row.channels } };
}
