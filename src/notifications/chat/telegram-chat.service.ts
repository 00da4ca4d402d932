import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Draining } from '../../common/draining.js';
import type { Env } from '../../config/env.js';
import { ENV } from '../../config/env.token.js';
import { DatabaseService } from '../../database/database.service.js';
import { TelegramApi, telegramReason, TelegramRefusal, type TelegramUpdate } from '../channels/telegram-api.js';
import { NotificationSettings, type OpenSettings } from '../settings.service.js';
import { ChatCommands } from './chat-commands.service.js';
import { ChatsRepository } from './chats.repository.js';

const WAIT_SECONDS = 25;
/** Where nothing is to be heard, or another instance hears it. */
const IDLE_MS = 5_000;
/** A server that answers at once, though it was asked to wait, would be asked thousands of times a second. */
const PAUSE_MS = 1_000;
const FAILED_MS = { first: 2_000, most: 60_000 };
const LEAVE_AFTER_MS = 2_000;

/**
 * Hears the bound chats by long polling, one instance at a time. Nothing is confirmed to Telegram before it was stored:
 * the next poll asks from behind the last update that was.
 */
@Injectable()
export class TelegramChat implements OnApplicationShutdown {
  private readonly log = new Logger('Telegram');
  private readonly token = randomUUID();
  private readonly stopping = new AbortController();
  /** Ends a pause or a poll: other settings are there. */
  private interrupt = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private held: string | null = null;
  private failures = 0;
  private begun = false;
  private rests = false;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly settings: NotificationSettings,
    private readonly chats: ChatsRepository,
    private readonly commands: ChatCommands,
    draining: Draining,
    database: DatabaseService,
  ) {
    draining.signal.addEventListener('abort', () => this.stopping.abort());
    settings.onChanged(() => {
      this.interrupt.abort();
      this.interrupt = new AbortController();
    });
    database.onReady(async () => {
      if (this.begun) return;
      this.begun = true;
      this.running = this.run();
    });
  }

  /** Nothing by the clock from here on; for tests. */
  rest(): void {
    this.rests = true;
    this.interrupt.abort();
    this.interrupt = new AbortController();
  }

  /** One poll that does not wait; for tests. */
  async hear(): Promise<void> {
    await this.running;
    await this.round(0);
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted && !this.rests) {
      let againInMs: number;
      try {
        // Whoever tells people looks at the settings all the time: an idle chat asks the database for nothing.
        againInMs = isHeard(this.settings.lastSeen) || this.held !== null ? await this.round(WAIT_SECONDS) : IDLE_MS;
        this.failures = 0;
      } catch (error) {
        // Once: a service that is away for a night would fill the log.
        if (this.failures++ === 0) this.log.warn(`chats cannot be heard, trying again: ${(error as Error).message}`);
        againInMs = Math.min(FAILED_MS.most, FAILED_MS.first * 2 ** Math.min(this.failures, 6));
      }
      if (againInMs > 0 && !this.rests) await pause(againInMs, undefined, { signal: this.signal(), ref: false }).catch(() => undefined);
    }
  }

  private signal(): AbortSignal {
    return AbortSignal.any([this.stopping.signal, this.interrupt.signal]);
  }

  /** @returns when to poll again @throws what keeps it from hearing, in words without a secret */
  private async round(waitSeconds: number): Promise<number> {
    const settings = await this.settings.open();
    const { telegram } = settings.channels;
    const botToken = settings.secret('telegram.botToken');
    const botId = botToken?.split(':')[0];
    if (!isHeard(settings) || telegram === null || botToken === null || botId === undefined) {
      await this.letGo();
      return IDLE_MS;
    }
    const claimed = await this.chats.claim(botId, this.token);
    if (!claimed) return IDLE_MS;
    this.held = botId;
    if (this.rests && waitSeconds > 0) return 0;
    const api = new TelegramApi(this.env.TELEGRAM_API_URL, botToken);
    const signal = this.signal();
    const begun = performance.now();
    let updates: TelegramUpdate[];
    try {
      updates = await api.getUpdates(claimed.offset, waitSeconds, signal);
    } catch (error) {
      if (signal.aborted) return 0;
      const after = error instanceof TelegramRefusal ? error.retryAfterSeconds : undefined;
      await this.chats.failed(botId, this.token, telegramReason(error).slice(0, 500));
      await this.chats.release(botId, this.token);
      if (after !== undefined) return Math.min(after, 3_600) * 1_000;
      throw new Error(telegramReason(error), { cause: error });
    }
    await this.work(botId, telegram.chatIds, updates);
    await this.answer(api, botId);
    return updates.length === 0 && performance.now() - begun < PAUSE_MS ? PAUSE_MS : 0;
  }

  private async work(botId: string, bound: readonly string[], updates: readonly TelegramUpdate[]): Promise<void> {
    let ignored = 0;
    for (const update of updates) {
      const message = update.message ?? update.channel_post;
      if (message === undefined) continue;
      if (bound.includes(String(message.chat.id))) await this.commands.carryOut(botId, update.update_id, message);
      else ignored += 1;
    }
    const last = updates.at(-1);
    await this.chats.heard(botId, this.token, last === undefined ? null : last.update_id + 1, ignored);
  }

  /** What cannot be answered now is answered with the next poll; it was done all the same. */
  private async answer(api: TelegramApi, botId: string): Promise<void> {
    for (const { update_id: updateId, chat_id: chatId, answer } of await this.chats.unanswered(botId)) {
      try {
        await api.sendMessage(chatId, answer, this.stopping.signal);
        await this.chats.answered(botId, updateId);
      } catch (error) {
        this.log.warn(`a command of chat ${chatId} was not answered yet: ${telegramReason(error)}`);
        if (error instanceof TelegramRefusal && error.isLasting) await this.chats.answered(botId, updateId);
        else return;
      }
    }
  }

  private async letGo(): Promise<void> {
    const { held } = this;
    if (held === null) return;
    this.held = null;
    await this.chats.release(held, this.token);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await Promise.race([this.running.then(() => this.letGo()).catch(() => undefined), pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}

const isHeard = (settings: OpenSettings | null): boolean => settings?.channels.telegram?.enabled === true && settings.channels.telegram.commands;
