import type { MigrationInterface, QueryRunner } from 'typeorm';

const CHANNELS = `'telegram', 'email', 'webhook'`;

/** How people are told of incidents, what is to be told and was, and what they answer in a chat. */
export class Notifications1763600000033 implements MigrationInterface {
  name = 'Notifications1763600000033';

  async up(db: QueryRunner): Promise<void> {
    // Secrets are sealed texts, each under its own name: whoever reads the row, or a backup of it, reads none.
    await db.query(`create table notification_settings (
      id boolean constraint notification_settings_pk primary key default true,
      version integer not null default 1,
      channels jsonb not null default '{}',
      secrets jsonb not null default '{}',
      updated_at timestamptz not null default app_clock(),
      updated_by text not null,
      constraint notification_settings_single check (id),
      constraint notification_settings_version check (version >= 1),
      constraint notification_settings_contents check (jsonb_typeof(channels) = 'object' and jsonb_typeof(secrets) = 'object')
    )`);
    await db.query(`insert into notification_settings (updated_by) values ('system')`);

    await db.query(`create table notification_channels (
      channel text constraint notification_channels_pk primary key,
      enabled_since timestamptz,
      last_sent_at timestamptz,
      failures integer not null default 0,
      failing_since timestamptz,
      last_error text,
      last_error_at timestamptz,
      constraint notification_channels_channel check (channel in (${CHANNELS})),
      constraint notification_channels_failing check (failures >= 0 and (failures = 0) = (failing_since is null)),
      constraint notification_channels_error check (length(last_error) <= 500 and (last_error is null) = (last_error_at is null))
    )`);
    await db.query(`insert into notification_channels (channel) values ('telegram'), ('email'), ('webhook')`);

    // What is sent, with the words it had when it was first tried: a repetition is the same message under the same id.
    await db.query(`create table notification_messages (
      id uuid constraint notification_messages_pk primary key default gen_random_uuid(),
      channel text not null,
      content jsonb not null,
      status text not null default 'waiting',
      attempts integer not null default 0,
      next_attempt_at timestamptz not null default app_clock(),
      lease_until timestamptz,
      lease_token uuid,
      reached text[] not null default '{}',
      last_error text,
      created_at timestamptz not null default app_clock(),
      ended_at timestamptz,
      constraint notification_messages_channel check (channel in (${CHANNELS})),
      constraint notification_messages_content check (jsonb_typeof(content) = 'object'),
      constraint notification_messages_status check (status in ('waiting', 'sent', 'given_up', 'dropped')),
      constraint notification_messages_ended check ((status = 'waiting') = (ended_at is null)),
      constraint notification_messages_attempts check (attempts >= 0),
      constraint notification_messages_lease check ((lease_until is null) = (lease_token is null)),
      constraint notification_messages_error check (length(last_error) <= 500)
    )`);
    // One at a time on each channel, whichever instances write them: what comes meanwhile goes into the next.
    await db.query(`create unique index notification_messages_waiting on notification_messages (channel) where status = 'waiting'`);
    await db.query(`create index notification_messages_ended_at on notification_messages (ended_at) where ended_at is not null`);

    // Occurrence: the severity and how often it was repeated, or that it is over. Once for each, however many look for it.
    await db.query(`create table notification_deliveries (
      channel text not null,
      incident_id uuid not null constraint notification_deliveries_incident references incidents (id) on delete cascade,
      occurrence text not null,
      status text not null default 'waiting',
      message_id uuid constraint notification_deliveries_message references notification_messages (id) on delete set null,
      planned_at timestamptz not null default app_clock(),
      ended_at timestamptz,
      constraint notification_deliveries_pk primary key (incident_id, channel, occurrence),
      constraint notification_deliveries_channel check (channel in (${CHANNELS})),
      constraint notification_deliveries_occurrence check (occurrence ~ '^((info|warning|critical):[0-9]{1,10}|over)$'),
      constraint notification_deliveries_status check (status in ('waiting', 'sent', 'given_up', 'dropped')),
      constraint notification_deliveries_ended check ((status = 'waiting') = (ended_at is null))
    )`);
    await db.query(`create index notification_deliveries_waiting on notification_deliveries (channel) where status = 'waiting'`);
    await db.query(`create index notification_deliveries_of_message on notification_deliveries (message_id) where message_id is not null`);
    await db.query(`create index incidents_resolved_at on incidents (resolved_at) where resolved_at is not null`);

    // By the number in front of the token: another bot counts its updates anew.
    await db.query(`create table telegram_bots (
      bot_id text constraint telegram_bots_pk primary key,
      next_update_id bigint,
      last_update_at timestamptz,
      lease_until timestamptz,
      lease_token uuid,
      ignored bigint not null default 0,
      last_heard_at timestamptz,
      last_error text,
      constraint telegram_bots_bot_id check (bot_id ~ '^[0-9]{1,20}$'),
      constraint telegram_bots_next_update_id check (next_update_id >= 0),
      constraint telegram_bots_lease check ((lease_until is null) = (lease_token is null)),
      constraint telegram_bots_ignored check (ignored >= 0),
      constraint telegram_bots_error check (length(last_error) <= 500)
    )`);
    // Of bound chats only, and in the transaction of what was done: it is never done twice.
    await db.query(`create table telegram_updates (
      bot_id text not null,
      update_id bigint not null,
      chat_id text not null,
      sender_id text,
      command text not null,
      sent_at timestamptz not null,
      read_at timestamptz not null default app_clock(),
      answer text not null,
      answered_at timestamptz,
      constraint telegram_updates_pk primary key (bot_id, update_id),
      constraint telegram_updates_command check (length(command) <= 32),
      constraint telegram_updates_answer check (length(answer) between 1 and 4096)
    )`);
    await db.query(`create index telegram_updates_unanswered on telegram_updates (read_at) where answered_at is null`);
    await db.query(`create index telegram_updates_read_at on telegram_updates (read_at)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table telegram_updates, telegram_bots, notification_deliveries, notification_messages, notification_channels, notification_settings`);
    await db.query(`drop index incidents_resolved_at`);
  }
}
