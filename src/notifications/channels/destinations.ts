import type { OpenSettings } from '../settings.service.js';
import type { Channel, Destination, SecretName } from './channel.js';
import { emailDestination } from './email.js';
import { telegramDestination } from './telegram.js';
import { TelegramApi } from './telegram-api.js';
import { webhookDestination } from './webhook.js';

const UNREADABLE = 'its secret was sealed under another AUDIT_KEY: give it again, or name that key in AUDIT_KEYS_FORMER';

/** Where a channel leads, whether or not it is switched on; in words why it leads nowhere. Null: it is not set up. */
export function destinationOf(channel: Channel, settings: OpenSettings, telegramUrl: string): Destination | { fault: string } | null {
  const { channels: { telegram, email, webhook } } = settings;
  const names: Record<Channel, SecretName[]> = { telegram: ['telegram.botToken'], email: ['email.password'], webhook: ['webhook.url', 'webhook.secret'] };
  if (names[channel].some((name) => settings.isUnreadable(name))) return { fault: UNREADABLE };
  if (channel === 'email') return email && (email.user !== null && settings.secret('email.password') === null ? { fault: 'it has no password' } : emailDestination(email, settings.secret('email.password')));
  if (channel === 'telegram') {
    const token = settings.secret('telegram.botToken');
    return telegram && (token === null ? { fault: 'it has no token' } : telegramDestination(new TelegramApi(telegramUrl, token), telegram.chatIds));
  }
  const [url, secret] = [settings.secret('webhook.url'), settings.secret('webhook.secret')];
  return webhook && (url === null || secret === null ? { fault: 'it has no address or no secret' } : webhookDestination(url, secret));
}
