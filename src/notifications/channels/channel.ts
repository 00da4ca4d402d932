import type { Severity } from '../../incidents/incident-kinds.js';

export const CHANNELS = ['telegram', 'email', 'webhook'] as const;
export type Channel = (typeof CHANNELS)[number];

interface Common {
  enabled: boolean;
  minimumSeverity: Severity;
}

export interface TelegramChannel extends Common {
  /** Told, and heard: nobody else's commands count. */
  chatIds: string[];
  /** Whether `/halt` and the like are heard at all: another program may read the bot's messages. */
  commands: boolean;
}

export const MAIL_TLS = ['implicit', 'starttls', 'none'] as const;

export interface EmailChannel extends Common {
  host: string;
  port: number;
  tls: (typeof MAIL_TLS)[number];
  user: string | null;
  from: string;
  to: string[];
}

/** What is set up and is no secret. Null: not set up. */
export interface ChannelSettings {
  telegram: TelegramChannel | null;
  email: EmailChannel | null;
  webhook: Common | null;
}

/** The address of a webhook is one too: those of most services hold what lets one in. */
export const SECRET_NAMES = ['telegram.botToken', 'email.password', 'webhook.url', 'webhook.secret'] as const;
export type SecretName = (typeof SECRET_NAMES)[number];

/** What is sent, as it was written when it was first tried. */
export interface Content {
  /** One line. */
  subject: string;
  text: string;
  /** Of the webhook's body. */
  body: Record<string, unknown>;
}

/** What of it reached nobody, and why: one line without a secret in it. */
export interface Failure {
  target: string;
  reason: string;
  /** The service has said no, and will do so again. Otherwise nobody knows, or it may go better. */
  isRefused: boolean;
  retryAfterSeconds?: number;
}

export interface Attempt {
  /** Chats or addresses; `webhook`. */
  reached: string[];
  failures: Failure[];
  /** The service's own words. */
  said: string;
}

/** Where a channel leads, with its secrets in clear: never logged, stored or answered. */
export interface Destination {
  /** All that are to be reached. */
  targets: string[];
  /** To those that were not reached yet. Never throws what the service said: that is an outcome. */
  send(message: { id: string; content: Content; targets: readonly string[] }): Promise<Attempt>;
}
