import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Caller } from '../common/http/caller.js';
import { mustMatch } from '../common/http/if-match.js';
import { actorOf } from '../common/principal.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { afterCommit, inTransaction } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import { CHANNELS, type Channel, type ChannelSettings, SECRET_NAMES, type SecretName } from './channels/channel.js';
import { ChatsRepository } from './chat/chats.repository.js';
import type { NotificationsAnswer, PutNotifications } from './notifications.schemas.js';
import { Sealed } from './sealed.js';
import { changedFields, mustGoTogether, wantedOf } from './secret-changes.js';
import { SettingsRepository, type SettingsRow, type StateRow } from './settings.repository.js';

/** As they are used: null is a secret that is not there, or that cannot be read. */
export interface OpenSettings {
  channels: ChannelSettings;
  secret(name: SecretName): string | null;
  /** It is there, and was sealed under a key that this server does not have. */
  isUnreadable(name: SecretName): boolean;
}

@Injectable()
export class NotificationSettings {
  private sealedOnce?: Sealed;
  private readonly hooks: (() => void)[] = [];
  private seen: OpenSettings | null = null;

  constructor(
    private readonly dataSource: DataSource,
    private readonly settings: SettingsRepository,
    private readonly chats: ChatsRepository,
    private readonly events: Events,
    private readonly incidents: Incidents,
    @Inject(ENV) private readonly env: Env,
  ) {}

  /** After other settings were stored here; other instances find them by themselves. */
  onChanged(hook: () => void): void {
    this.hooks.push(hook);
  }

  /** As they were when this instance looked last; null: it has not yet. Costs nothing. */
  get lastSeen(): OpenSettings | null {
    return this.seen;
  }

  async open(): Promise<OpenSettings> {
    const { channels, secrets } = await this.settings.get();
    const secret = (name: SecretName) => (secrets[name] === undefined ? null : this.sealed.open(name, secrets[name]));
    return (this.seen = { channels, secret, isUnreadable: (name) => secrets[name] !== undefined && secret(name) === null });
  }

  async get(): Promise<NotificationsAnswer> {
    return this.answer(await this.settings.get());
  }

  /**
   * Puts other settings in place of the version that was read. What is switched off is silent with this commit.
   * @throws {Problem} 412 when another version is there, 400 for what does not go together
   */
  async put(caller: Caller, version: number, body: PutNotifications): Promise<NotificationsAnswer> {
    const wanted = wantedOf(body);
    const row = await inTransaction(this.dataSource, async (tx) => {
      const before = await this.settings.lock(tx);
      mustMatch(version, before.version);
      const sealed: SettingsRow['secrets'] = {};
      for (const name of SECRET_NAMES) {
        const given = wanted.secrets[name];
        const kept = given === undefined ? before.secrets[name] : given === null ? undefined : this.sealed.seal(name, given);
        if (kept !== undefined) sealed[name] = kept;
      }
      mustGoTogether(wanted, before.channels, (name) => sealed[name] !== undefined);
      const changed = changedFields(before.channels, wanted);
      const written = await this.settings.update(tx, { channels: wanted.channels, secrets: sealed, actor: actorOf(caller.principal) });
      for (const channel of CHANNELS) {
        if (wanted.channels[channel]?.enabled !== true) {
          await this.settings.silence(tx, channel);
          await this.incidents.resolve(tx, caller, 'NOTIFICATION_FAILING', [channel], 'it was switched off');
        } else if (changed.some((field) => field.startsWith(`${channel}.`))) await this.settings.beginAnew(tx, channel);
      }
      await this.events.append(tx, caller, [{ type: 'notification.settings_changed', data: { version: written.version, changed } }]);
      afterCommit(tx, () => this.hooks.forEach((hook) => hook()));
      return written;
    });
    return this.answer(row);
  }

  private get sealed(): Sealed {
    return (this.sealedOnce ??= new Sealed(this.env.AUDIT_KEY, this.env.AUDIT_KEYS_FORMER));
  }

  private async answer({ channels: { telegram, email, webhook }, secrets, version, updated_at: updatedAt, updated_by: updatedBy }: SettingsRow): Promise<NotificationsAnswer> {
    const states = new Map((await this.settings.states()).map((state) => [state.channel, state]));
    const state = (channel: Channel) => shownState(states.get(channel));
    const kept = (name: SecretName) => ({ isSet: secrets[name] !== undefined });
    const opened = (name: SecretName) => (secrets[name] === undefined ? null : this.sealed.open(name, secrets[name]));
    const botId = opened('telegram.botToken')?.split(':')[0];
    const chat = botId === undefined ? null : await this.chats.state(botId);
    const url = opened('webhook.url');
    return {
      telegram: telegram && {
        ...telegram, botToken: kept('telegram.botToken'), state: state('telegram'), chat: { lastHeardAt: chat?.last_heard_at ?? null, lastError: chat?.last_error ?? null, ignored: chat?.ignored ?? 0 },
      },
      email: email && { ...email, password: kept('email.password'), state: state('email') },
      webhook: webhook && { ...webhook, url: { ...kept('webhook.url'), origin: url === null ? null : new URL(url).origin }, secret: kept('webhook.secret'), state: state('webhook') },
      publicUrl: this.env.PUBLIC_URL ?? null, version, updatedAt, updatedBy,
    };
  }
}

const shownState = (row: StateRow | undefined): NonNullable<NotificationsAnswer['email']>['state'] => ({
  lastSentAt: row?.last_sent_at ?? null, failingSince: row?.failing_since ?? null, failures: row?.failures ?? 0, lastError: row?.last_error ?? null,
  lastErrorAt: row?.last_error_at ?? null, waiting: row?.waiting ?? 0, nextAttemptAt: row?.next_attempt_at ?? null,
});
