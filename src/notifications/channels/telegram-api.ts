import { ask, NotAnswered, reasonOf, TIMEOUT_MS } from './request.js';
import { saidBy } from './said.js';

const BYTES_MOST = 4 * 1024 * 1024;
/** Telegram takes 4,096. */
const TEXT_CHARACTERS_MOST = 4_000;

/** The Bot API answered that it would not. */
export class TelegramRefusal extends Error {
  override name = 'TelegramRefusal';

  constructor(readonly status: number, description: string, readonly retryAfterSeconds: number | undefined) {
    super(description);
  }

  /** Too many requests, or a fault of theirs: later it may do it. */
  get isLasting(): boolean {
    return this.status >= 400 && this.status < 500 && this.status !== 429 && this.status !== 409;
  }
}

/** Of getUpdates; what we do not read is left out. */
export interface TelegramUpdate {
  update_id: number;
  message?: TelegramMessage;
  channel_post?: TelegramMessage;
}

export interface TelegramMessage {
  date: number;
  text?: string;
  chat: { id: number };
  from?: { id: number };
}

interface Reply<T> {
  ok: boolean;
  result?: T;
  error_code?: number;
  description?: string;
  parameters?: { retry_after?: number; migrate_to_chat_id?: number };
}

/** The documented HTTP interface of Telegram's bots. The token stands in the path: it is in no error and no log. */
export class TelegramApi {
  constructor(
    private readonly base: string,
    private readonly token: string,
  ) {}

  /** Without formatting: what an agent wrote must not become a link or be refused for a bracket. */
  async sendMessage(chatId: string, text: string, signal?: AbortSignal): Promise<void> {
    await this.call('sendMessage', { chat_id: chatId, text: cut(text), link_preview_options: { is_disabled: true } }, TIMEOUT_MS, signal);
  }

  /** @param offset the first that is wanted; null: the first that was never confirmed */
  getUpdates(offset: number | null, waitSeconds: number, signal: AbortSignal): Promise<TelegramUpdate[]> {
    const what = { ...(offset === null ? {} : { offset }), timeout: waitSeconds, limit: 100, allowed_updates: ['message', 'channel_post'] };
    return this.call('getUpdates', what, waitSeconds * 1_000 + TIMEOUT_MS, signal);
  }

  /** @throws {TelegramRefusal} @throws {NotAnswered} */
  private async call<T>(method: string, what: Record<string, unknown>, timeoutMs: number, signal?: AbortSignal): Promise<T> {
    const { status, text, retryAfterSeconds } = await ask(`${this.base}/bot${this.token}/${method}`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(what), timeoutMs, bytesMost: BYTES_MOST, ...(signal ? { signal } : {}),
    });
    let reply: Reply<T> | null;
    try {
      reply = JSON.parse(text) as Reply<T> | null;
    } catch {
      reply = null;
    }
    if (status >= 200 && status < 300 && reply?.ok === true && reply.result !== undefined) return reply.result;
    const { description, parameters } = reply ?? {};
    const moved = parameters?.migrate_to_chat_id === undefined ? '' : `; the group has another number now: ${parameters.migrate_to_chat_id}`;
    const after = parameters?.retry_after ?? retryAfterSeconds ?? undefined;
    throw new TelegramRefusal(reply?.error_code ?? status, `${reply?.error_code ?? status} ${saidBy(`${description ?? 'it is not an answer of the Bot API'}${moved}`, [this.token])}`, after);
  }
}

const cut = (text: string): string => (text.length <= TEXT_CHARACTERS_MOST ? text : `${text.slice(0, TEXT_CHARACTERS_MOST).toWellFormed()}…`);

export const telegramReason = (error: unknown): string => (error instanceof TelegramRefusal || error instanceof NotAnswered ? error.message : reasonOf(error));
