import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transaction.js';

export interface ChatState {
  last_heard_at: string | null;
  last_error: string | null;
  ignored: number;
}

/** A command of a bound chat. */
export interface NewUpdate {
  botId: string;
  updateId: number;
  chatId: string;
  senderId: string | null;
  command: string;
  /** By Telegram's clock. */
  sentAt: string;
}

/** A poll waits 25 s, and its request 35 at most. */
const LEASE_SECONDS = 60;
/** Update ids begin anywhere, also lower, when there was none for a week. */
const OFFSET_DAYS = 6;
/** Nobody waits for an answer that is older. */
const ANSWER_WITHIN = '10 minutes';

@Injectable()
export class ChatsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async state(botId: string): Promise<ChatState | null> {
    const [row] = await this.dataSource.sql<ChatState[]>`select last_heard_at, last_error, ignored from telegram_bots where bot_id = ${botId}`;
    return row ?? null;
  }

  /** Who polls: one at a time, since Telegram answers 409 to two. Null: another instance does. */
  async claim(botId: string, token: string): Promise<{ offset: number | null } | null> {
    const [row] = await this.dataSource.sql<{ offset: number | null }[]>`
      with claimed as (
        insert into telegram_bots as b (bot_id, lease_until, lease_token) values (${botId}, app_clock() + make_interval(secs => ${LEASE_SECONDS}), ${token})
        on conflict (bot_id) do update set lease_until = excluded.lease_until, lease_token = excluded.lease_token
        where b.lease_until is null or b.lease_until <= app_clock() or b.lease_token = excluded.lease_token
        returning case when last_update_at > app_clock() - make_interval(days => ${OFFSET_DAYS}) then next_update_id end as "offset"
      ) select * from claimed`;
    return row ?? null;
  }

  async release(botId: string, token: string): Promise<void> {
    await this.dataSource.sql`update telegram_bots set lease_until = null, lease_token = null where bot_id = ${botId} and lease_token = ${token}`;
  }

  /** Up to here everything was read, by whoever still holds the poll. */
  async heard(botId: string, token: string, next: number | null, ignored: number): Promise<void> {
    await this.dataSource.sql`
      update telegram_bots set last_heard_at = app_clock(), last_error = null, ignored = ignored + ${ignored},
        next_update_id = coalesce(${next}::bigint, next_update_id), last_update_at = case when ${next}::bigint is null then last_update_at else app_clock() end
      where bot_id = ${botId} and lease_token = ${token}`;
  }

  async failed(botId: string, token: string, error: string): Promise<void> {
    await this.dataSource.sql`update telegram_bots set last_error = ${error} where bot_id = ${botId} and lease_token = ${token}`;
  }

  /** False: it was acted on before. What follows in the transaction is done once, whoever reads the update again. */
  async begin(tx: Tx, { botId, updateId, chatId, senderId, command, sentAt }: NewUpdate): Promise<boolean> {
    const rows: unknown[] = await tx.sql`
      with begun as (
        insert into telegram_updates (bot_id, update_id, chat_id, sender_id, command, sent_at, answer)
        values (${botId}, ${updateId}, ${chatId}, ${senderId}, ${command}, ${sentAt}::timestamptz, '-') on conflict do nothing returning 1
      ), moved as (
        update telegram_bots set next_update_id = ${updateId}::bigint + 1, last_update_at = app_clock() where bot_id = ${botId} and exists (select from begun)
      ) select 1 from begun`;
    return rows.length === 1;
  }

  async setAnswer(tx: Tx, botId: string, updateId: number, answer: string): Promise<void> {
    await tx.sql`update telegram_updates set answer = ${answer} where bot_id = ${botId} and update_id = ${updateId}`;
  }

  /** Also those of an instance that died before it could answer. */
  unanswered(botId: string): Promise<{ update_id: number; chat_id: string; answer: string }[]> {
    return this.dataSource.sql`
      select update_id, chat_id, answer from telegram_updates
      where bot_id = ${botId} and answered_at is null and read_at > app_clock() - ${() => `interval '${ANSWER_WITHIN}'`} order by update_id limit 20`;
  }

  async answered(botId: string, updateId: number): Promise<void> {
    await this.dataSource.sql`update telegram_updates set answered_at = app_clock() where bot_id = ${botId} and update_id = ${updateId}`;
  }
}
