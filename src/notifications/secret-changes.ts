import { badRequest } from '../common/problem.js';
import type { Channel, ChannelSettings, EmailChannel, SecretName } from './channels/channel.js';
import type { PutNotifications } from './notifications.schemas.js';

/** What was sent, apart from what must not be stored in clear. Undefined keeps, null takes away. */
export interface Wanted {
  channels: ChannelSettings;
  secrets: Record<SecretName, string | null | undefined>;
}

export function wantedOf({ telegram, email, webhook }: PutNotifications): Wanted {
  const { botToken, ...ofTelegram } = telegram ?? { botToken: null };
  const { password, ...ofEmail } = email ?? { password: null };
  const { url, secret, ...ofWebhook } = webhook ?? { url: null, secret: null };
  return {
    channels: { telegram: telegram && (ofTelegram as ChannelSettings['telegram']), email: email && (ofEmail as EmailChannel), webhook: webhook && (ofWebhook as ChannelSettings['webhook']) },
    secrets: { 'telegram.botToken': botToken, 'email.password': email?.user === null ? (password ?? null) : password, 'webhook.url': url, 'webhook.secret': secret },
  };
}

const THIS_MACHINE = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/**
 * What does not go together, also with what is stored.
 * @param isSet whether a secret is there once this is stored
 * @throws {Problem} 400
 */
export function mustGoTogether({ channels, secrets }: Wanted, before: ChannelSettings, isSet: (name: SecretName) => boolean): void {
  const needed = (name: SecretName, channel: Channel) => {
    if (channels[channel]?.enabled && !isSet(name)) throw badRequest('VALIDATION_FAILED', 'is needed to switch it on', name);
  };
  needed('telegram.botToken', 'telegram');
  needed('webhook.url', 'webhook');
  needed('webhook.secret', 'webhook');
  const { email } = channels;
  if (email === null) return;
  if (email.user === null && typeof secrets['email.password'] === 'string') throw badRequest('VALIDATION_FAILED', 'is needed beside a password', 'email.user');
  if (email.user !== null) needed('email.password', 'email');
  if (email.tls === 'none' && email.user !== null && !THIS_MACHINE.test(email.host)) throw badRequest('VALIDATION_FAILED', 'must not be none: the password would travel in clear', 'email.tls');
  // It was given for that server: nobody who may not read it can have it sent to another.
  if (isSet('email.password') && secrets['email.password'] === undefined && before.email !== null && isElsewhere(before.email, email)) {
    throw badRequest('VALIDATION_FAILED', 'must be given again: server, user or TLS are other ones now', 'email.password');
  }
}

const isElsewhere = (before: EmailChannel, now: EmailChannel): boolean => before.host !== now.host || before.port !== now.port || before.user !== now.user || before.tls !== now.tls;

/** Names of what differs, for the log of events: no values. */
export function changedFields(before: ChannelSettings, { channels, secrets }: Wanted): string[] {
  const fields = (['telegram', 'email', 'webhook'] as const).flatMap((channel) => {
    const [was, is] = [(before[channel] ?? {}) as Record<string, unknown>, (channels[channel] ?? {}) as Record<string, unknown>];
    return [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((field) => JSON.stringify(was[field]) !== JSON.stringify(is[field])).map((field) => `${channel}.${field}`);
  });
  return [...fields, ...Object.entries(secrets).filter(([, value]) => typeof value === 'string').map(([name]) => name)].sort();
}
