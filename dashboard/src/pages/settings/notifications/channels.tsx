import bodies from '../../../api/bodies.json';
import type { AnswerOf } from '../../../api/queries.js';
import { plainOf, type Schema, titleOf } from '../../../kit/schema.js';
import type { Telling } from '../../../shared/versioned/change-table.js';

export type Notifications = AnswerOf<'/api/v1/notifications'>;
export const CHANNELS = ['telegram', 'email', 'webhook'] as const;
export type Channel = (typeof CHANNELS)[number];

/** A secret is never shown: it stays, is taken away, or is another one. */
export type Secret = { keep: true } | { remove: true } | { set: string };
export type Settings = Record<string, unknown>;
export type Content = Record<Channel, Settings | null>;

export const NAMES: Record<Channel, string> = { telegram: 'Telegram', email: 'E-mail', webhook: 'Signed webhook' };
export const SECRETS: Record<Channel, readonly string[]> = { telegram: ['botToken'], email: ['password'], webhook: ['url', 'secret'] };

const BODY = (bodies as Record<string, unknown>)['PUT /api/v1/notifications'] as Schema;
export const schemaOf = (channel: Channel): Schema => plainOf(BODY.properties?.[channel] ?? {}).schema;

/** What of an answer can be put again. */
export function contentOf(notifications: Notifications): Content {
  return Object.fromEntries(CHANNELS.map((channel) => {
    const shown = notifications[channel] as Settings | null;
    const names = Object.keys(schemaOf(channel).properties ?? {});
    return [channel, shown && Object.fromEntries(names.map((name) => [name, SECRETS[channel].includes(name) ? { keep: true } : shown[name]]))];
  })) as Content;
}

/** As PUT takes it: a secret that stays is left out, one that is taken away is null. */
export const bodyOf = (content: Content) => Object.fromEntries(CHANNELS.map((channel) => {
  const settings = content[channel];
  return [channel, settings && Object.fromEntries(Object.entries(settings).flatMap(([name, value]) => {
    if (!SECRETS[channel].includes(name)) return [[name, value]];
    const secret = value as Secret;
    return 'keep' in secret ? [] : [[name, 'set' in secret ? secret.set : null]];
  }))];
}));

export const blankChannel = (channel: Channel): Settings =>
  ({ enabled: true, minimumSeverity: 'warning', ...(channel === 'telegram' && { chatIds: [], commands: true }), ...(channel === 'email' && { port: 587, tls: 'starttls', user: null, to: [] }), ...Object.fromEntries(SECRETS[channel].map((name) => [name, { keep: true }])) });

const secretWords = (secret: Secret): string => ('keep' in secret ? 'stays' : 'remove' in secret ? 'taken away' : 'a new one');

export const notificationsTelling: Telling = {
  name: (field) => NAMES[field as Channel] ?? titleOf(field),
  value: (field, value) => {
    if (value === null || value === undefined) return <span className="quiet">not set up</span>;
    const secrets = SECRETS[field as Channel] ?? [];
    return <ul>{Object.entries(value as Settings).map(([name, each]) => <li key={name} className="small">{titleOf(name)}: {secrets.includes(name) ? secretWords(each as Secret) : Array.isArray(each) ? each.join(', ') : String(each ?? 'none')}</li>)}</ul>;
  },
};
