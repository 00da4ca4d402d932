import { z } from 'zod';
import { text } from '../common/fields.js';
import { putBack } from '../common/http/put-back.js';
import { SEVERITIES } from '../incidents/incident-kinds.js';
import { CHANNELS, MAIL_TLS } from './channels/channel.js';
import { webhookUrlFault } from './channels/addresses.js';

const CHATS_MOST = 10;
const ADDRESSES_MOST = 20;

/** 24 to 64 bytes, as Standard Webhooks has them. */
function isSigningSecret(secret: string): boolean {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (encoded === undefined) return false;
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '') && bytes.length >= 24 && bytes.length <= 64;
}

const HOST = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*|[0-9a-f:]*:[0-9a-f:.]*)$/;

const KEPT = 'left out, or as GET answers it: as it is; null: taken away; never shown';
const secret = <T extends z.ZodType<string>>(schema: T, about: string) => schema.nullable().optional().describe(`${about}; ${KEPT}`);
const common = { enabled: z.boolean(), minimumSeverity: z.enum(SEVERITIES).describe('nothing below it is told here') };
const unique = (values: string[]) => [...new Set(values)];
const address = () => z.email({ error: 'must be an e-mail address' }).max(254);

const telegram = z.strictObject({
  ...common,
  botToken: secret(text(200).refine((token) => /^\d{1,20}:[A-Za-z0-9_-]{20,150}$/.test(token), { error: 'must be a token as BotFather gives it, such as 123456:AA…' }).meta({ examples: [`123456:${'A'.repeat(35)}`] }), 'of the bot'),
  chatIds: z.array(z.string().trim().regex(/^-?\d{1,20}$/, { error: 'must be the number of a chat, as text' })).min(1).max(CHATS_MOST).transform(unique)
    .describe('that are told; their commands are heard, and nobody else\'s'),
  commands: z.boolean().default(true).describe('whether /status, /halt and /ack are heard'),
});

const email = z.strictObject({
  ...common,
  host: z.string().trim().toLowerCase().refine((host) => HOST.test(host), { error: 'must be the name or address of a server' }).meta({ examples: ['mail.example.com'] }).describe('of the SMTP server'),
  port: z.int().min(1).max(65_535),
  tls: z.enum(MAIL_TLS).describe('implicit: from the first byte (465); starttls: begun before anything else (587), or nothing is sent; none: in clear, without a password unless the server is this machine'),
  user: text(200).nullable().default(null),
  password: secret(text(500), 'of the user'),
  from: address(), to: z.array(address()).min(1).max(ADDRESSES_MOST).transform(unique),
});

const webhook = z.strictObject({
  ...common,
  url: secret(text(2_000).superRefine((url, context) => {
    const fault = webhookUrlFault(url);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  }).meta({ examples: ['https://alerts.example.com/hook'] }), 'http or https'),
  secret: secret(text(200).refine(isSigningSecret, { error: 'must be whsec_ and 24 to 64 bytes in base64: "whsec_$(openssl rand -base64 32)"' }).meta({ examples: [`whsec_${'A'.repeat(43)}=`] }), 'that signs'),
});

export const testSchema = z.strictObject({ channel: z.enum(CHANNELS) });

const time = () => z.iso.datetime().nullable();
const kept = z.object({ isSet: z.boolean() });
const state = z.object({
  lastSentAt: time(), failingSince: time().describe('null: its last message went out'), failures: z.int().describe('in a row'),
  lastError: z.string().nullable().describe('since the last message that went out'), lastErrorAt: time(), waiting: z.int().describe('occurrences of incidents that are to be told'), nextAttemptAt: time(),
});
const shown = { enabled: z.boolean(), minimumSeverity: z.enum(SEVERITIES), state };

export const notificationsSchema = z.object({
  telegram: z.object({
    ...shown, botToken: kept, chatIds: z.array(z.string()), commands: z.boolean(),
    chat: z.object({
      lastHeardAt: time().describe('when the bot was last asked for messages'), lastError: z.string().nullable(), ignored: z.int().describe('messages of chats that are not bound'),
    }),
  }).nullable(),
  email: z.object({
    ...shown, host: z.string(), port: z.int(), tls: z.enum(MAIL_TLS), user: z.string().nullable(), password: kept, from: z.string(), to: z.array(z.string()),
  }).nullable(),
  webhook: z.object({ ...shown, url: kept.extend({ origin: z.string().nullable().describe('without its path, which may be secret') }), secret: kept }).nullable(),
  publicUrl: z.string().nullable().describe('where links in messages lead; null: PUBLIC_URL is not set, and there are none'),
  version: z.int(), updatedAt: z.iso.datetime(), updatedBy: z.string(),
}).meta({ id: 'Notifications' });

/** Whole: a channel that was left out by mistake must not fall silent by it. */
export const putNotificationsSchema = putBack(z.strictObject({
  telegram: telegram.nullable().describe('null: not set up, and its secret is gone'), email: email.nullable(), webhook: webhook.nullable(),
}), notificationsSchema);

export const testedSchema = z.object({ channel: z.enum(CHANNELS), said: z.string().describe('by the service'), reached: z.array(z.string()) }).meta({ id: 'NotificationTested' });

export type PutNotifications = z.output<typeof putNotificationsSchema>;
export type NotificationsAnswer = z.output<typeof notificationsSchema>;
