import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Caller } from '../common/http/caller.js';
import { conflict, Problem } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import type { Attempt, Channel, Content } from './channels/channel.js';
import { destinationOf } from './channels/destinations.js';
import { Sender } from './delivery/sender.service.js';
import type { testedSchema } from './notifications.schemas.js';
import { NotificationSettings } from './settings.service.js';

@Injectable()
export class NotificationsService {
  constructor(
    private readonly settings: NotificationSettings,
    private readonly sender: Sender,
    @Inject(ENV) private readonly env: Env,
  ) {}

  /**
   * Sends a message now, also on a channel that is not switched on yet, and holds nothing in the database meanwhile.
   * @throws {Problem} 409 where it is not set up; 502 with what the service said
   */
  async test(caller: Caller, channel: Channel): Promise<z.output<typeof testedSchema>> {
    const settings = await this.settings.open();
    const destination = destinationOf(channel, settings, this.env.TELEGRAM_API_URL);
    if (destination === null) throw conflict('CHANNEL_NOT_SET_UP', `There is no ${channel} yet: set it up with PUT /notifications.`);
    if ('fault' in destination) throw conflict('CHANNEL_NOT_SET_UP', `Of ${channel}: ${destination.fault}.`);
    const { reached, failures, said }: Attempt = await destination.send({ id: randomUUID(), content: this.content(caller, channel), targets: destination.targets });
    const fault = failures.length === 0 ? null : failures.map(({ reason }) => reason).join('; ').slice(0, 450);
    await this.sender.tested(channel, settings, fault);
    if (fault !== null) throw new Problem(502, 'NOTIFICATION_FAILED', `${reached.length > 0 ? `Reached ${reached.join(', ')}, but not all` : 'Nobody was reached'}: ${fault}`, { retryable: true });
    return { channel, said, reached };
  }

  private content({ principal }: Caller, channel: Channel): Content {
    const by = principal.kind === 'user' ? principal.email : 'somebody';
    const link = this.env.PUBLIC_URL === undefined ? [] : [`${this.env.PUBLIC_URL}/overview`];
    const text = [`Test: people are told of incidents here. Nothing has happened. Sent by ${by}.`, ...link].join('\n');
    return { subject: 'Test: nothing has happened', text, body: { type: 'test', timestamp: new Date().toISOString(), data: { text, channel, count: 0, incidents: [] } } };
  }
}
