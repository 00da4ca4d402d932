import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Metrics } from '../../common/metrics.js';
import type { Env } from '../../config/env.js';
import { ENV } from '../../config/env.token.js';
import { afterCommit, inTransaction, type Tx } from '../../database/transaction.js';
import { Events } from '../../events/events.service.js';
import { Incidents } from '../../incidents/incidents.service.js';
import { type Attempt, CHANNELS, type Channel } from '../channels/channel.js';
import { destinationOf } from '../channels/destinations.js';
import { type OpenSettings } from '../settings.service.js';
import { after, type Next } from './attempts.js';
import { DeliveriesRepository } from './deliveries.repository.js';
import { type ChannelLuck, type Claimed, MessagesRepository } from './messages.repository.js';
import { contentOf } from './texts.js';

/** What comes while a message is fresh goes together into the next: a burst is two messages, not a hundred. */
const GAP_SECONDS = { critical: 10, other: 60 };
/** A hiccup is nothing that a person must see. */
const FAILING_AFTER = { seconds: 120, attempts: 3 };

/** One channel, one message at a time: gathers what is due, sends it under a claim, and notes what became of it. */
@Injectable()
export class Sender {
  private readonly log = new Logger('Notifications');

  constructor(
    private readonly dataSource: DataSource,
    private readonly deliveries: DeliveriesRepository,
    private readonly messages: MessagesRepository,
    private readonly events: Events,
    private readonly incidents: Incidents,
    private readonly metrics: Metrics,
    @Inject(ENV) private readonly env: Env,
  ) {}

  /** Sends what is due. False: nothing was. */
  async run(channel: Channel, settings: OpenSettings): Promise<boolean> {
    await inTransaction(this.dataSource, (tx) => this.gather(tx, channel));
    const token = randomUUID();
    const message = await this.messages.claim(channel, token);
    if (!message) return false;
    const attempt = await this.attempt(channel, settings, message);
    await inTransaction(this.dataSource, (tx) => this.note(tx, channel, settings, message, token, attempt));
    return true;
  }

  private async gather(tx: Tx, channel: Channel): Promise<void> {
    const since = await this.messages.hold(tx, channel);
    if (since === undefined) return;
    const gone = await this.messages.unworthy(tx, channel);
    if (gone) {
      // Some were told before it lost its worth: they are told of its end too.
      const status = gone.reached.length > 0 ? 'sent' : 'dropped';
      await this.messages.end(tx, gone.id, status);
      await this.deliveries.end(tx, gone.id, channel, status);
    }
    await this.deliveries.dropUnworthy(tx, channel);
    if (await this.messages.isWaiting(tx, channel)) return;
    const due = await this.deliveries.due(tx, channel);
    const gap = due.some(({ severity, is_over }) => severity === 'critical' && !is_over) ? GAP_SECONDS.critical : GAP_SECONDS.other;
    if (due.length === 0 || (since !== null && since < gap)) return;
    const id = await this.messages.create(tx, channel, contentOf(channel, due, this.env.PUBLIC_URL));
    await this.deliveries.putInto(tx, id, channel, due.map((each) => each.incident_id));
  }

  /** Outside of any transaction: nothing waits in the database while a service thinks. */
  private async attempt(channel: Channel, settings: OpenSettings, { id, content, reached }: Claimed): Promise<Attempt> {
    const destination = destinationOf(channel, settings, this.env.TELEGRAM_API_URL) ?? { fault: 'it is not set up' };
    if ('fault' in destination) return { reached: [], failures: [{ target: channel, reason: destination.fault, isRefused: false }], said: destination.fault };
    const targets = destination.targets.filter((target) => !reached.includes(target));
    return targets.length === 0 ? { reached: [], failures: [], said: '' } : destination.send({ id, content, targets });
  }

  private async note(tx: Tx, channel: Channel, settings: OpenSettings, { id, attempts, reached }: Claimed, token: string, attempt: Attempt): Promise<void> {
    await this.messages.wait(tx, channel);
    const next = after(attempt, attempts, reached.length);
    // Whoever has taken it over meanwhile notes what becomes of it.
    if (!(await this.messages.note(tx, id, token, { reached: attempt.reached, fault: next.fault, inSeconds: next.status === 'waiting' ? next.inSeconds : 0 }))) return;
    if (next.status !== 'waiting') await this.end(tx, channel, id, next);
    const luck = await this.messages.luck(tx, channel, next.status === 'sent', next.fault);
    await this.judge(tx, channel, settings, luck, next.fault);
    afterCommit(tx, () => {
      this.metrics.notificationOutcome(channel, next.status === 'waiting' ? 'failed_attempt' : next.status);
      if (next.fault !== null) this.log.warn({ channel, messageId: id, attempts, reason: next.fault }, 'a message did not reach everybody');
    });
  }

  private async end(tx: Tx, channel: Channel, id: string, { status, fault }: Exclude<Next, { status: 'waiting' }>): Promise<void> {
    await this.messages.end(tx, id, status);
    const incidentIds = await this.deliveries.end(tx, id, channel, status);
    const data = { channel, incidents: incidentIds.length, incidentIds: incidentIds.slice(0, 50), fault };
    await this.events.append(tx, null, [status === 'sent' ? { type: 'notification.sent', subjectId: id, data } : { type: 'notification.given_up', subjectId: id, data }]);
  }

  /** What went wrong or well outside of a message counts as well: a test. */
  async tested(channel: Channel, settings: OpenSettings, fault: string | null): Promise<void> {
    await inTransaction(this.dataSource, async (tx) => {
      await this.messages.wait(tx, channel);
      await this.judge(tx, channel, settings, await this.messages.luck(tx, channel, fault === null, fault), fault);
      if (fault === null) await this.messages.hurry(tx, channel);
    });
  }

  /** A secret that this server cannot read is told before there is anything to tell: a channel that would fall silent is one nobody looks at. */
  async lookAt(channel: Channel, settings: OpenSettings): Promise<void> {
    const destination = destinationOf(channel, settings, this.env.TELEGRAM_API_URL);
    if (destination !== null && 'fault' in destination) await this.tested(channel, settings, destination.fault);
  }

  private async judge(tx: Tx, channel: Channel, settings: OpenSettings, { failures, failing_seconds: seconds }: ChannelLuck, fault: string | null): Promise<void> {
    if (fault === null) return this.incidents.resolve(tx, null, 'NOTIFICATION_FAILING', [channel], 'a message went out on it');
    if (failures < FAILING_AFTER.attempts || seconds < FAILING_AFTER.seconds || settings.channels[channel]?.enabled !== true) return;
    const others = CHANNELS.filter((other) => other !== channel && settings.channels[other]?.enabled === true);
    await this.incidents.open(tx, null, {
      kind: 'NOTIFICATION_FAILING', severity: others.length > 0 ? 'warning' : 'critical', subjectId: channel, agentId: null,
      summary: `Nobody is told by ${channel} since ${Math.floor(seconds / 60)} minutes (${failures} attempts): ${fault}`.slice(0, 900), data: { channel, failures, others },
    });
  }
}
