import type { Attempt, Destination } from './channel.js';
import { type TelegramApi, telegramReason, TelegramRefusal } from './telegram-api.js';

/** All chats at once: one that hangs holds up no other. */
export function telegramDestination(api: TelegramApi, chatIds: readonly string[]): Destination {
  return {
    targets: [...chatIds],
    async send({ content, targets }): Promise<Attempt> {
      const attempt: Attempt = { reached: [], failures: [], said: '' };
      await Promise.all(targets.map(async (chat) => {
        try {
          await api.sendMessage(chat, content.text);
          attempt.reached.push(chat);
        } catch (error) {
          const refusal = error instanceof TelegramRefusal ? error : null;
          attempt.failures.push({
            target: chat, reason: `chat ${chat}: ${telegramReason(error)}`, isRefused: refusal?.isLasting ?? false,
            ...(refusal?.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: refusal.retryAfterSeconds }),
          });
        }
      }));
      return { ...attempt, said: attempt.failures.length === 0 ? 'ok' : attempt.failures.map(({ reason }) => reason).join('; ') };
    },
  };
}
