import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Draining } from '../../common/draining.js';
import type { Env } from '../../config/env.js';
import { ENV } from '../../config/env.token.js';
import { DatabaseService } from '../../database/database.service.js';
import { Schedules } from '../../database/schedules.js';
import { CHANNELS, type Channel } from '../channels/channel.js';
import { NotificationSettings, type OpenSettings } from '../settings.service.js';
import { DeliveriesRepository, type Told } from './deliveries.repository.js';
import { Sender } from './sender.service.js';

const LOOK_EVERY_MS = 2_000;
/** While no channel is switched on, as far as this instance knows: whichever one is told to switch one on begins at once. */
const IDLE_EVERY_MS = 30_000;
/** What is over is looked for in the last hour, and now and then in the whole day: for a server that was away. */
const HOURS = { usually: 1, all: 24 };
const ALL_EVERY_MS = 60_000;
const DAY_SECONDS = 86_400;
const KEPT_DAYS = 30;
/** What is sent then is claimed by nobody a minute later, and is sent again. */
const LEAVE_AFTER_MS = 3_000;

/**
 * Tells people of incidents. Any number of instances look; the rows decide who tells. Each channel goes its own way, so
 * that one that hangs holds up none, and nothing of it stands among the schedules that watch positions.
 */
@Injectable()
export class Notifier implements OnApplicationShutdown {
  private readonly log = new Logger('Notifications');
  private readonly lanes = new Map<Channel, Promise<void>>();
  private timer?: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private allAt = -Infinity;
  private isIdle = true;
  private stopped = false;
  private rests = false;
  private saidAway = false;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly settings: NotificationSettings,
    private readonly deliveries: DeliveriesRepository,
    private readonly sender: Sender,
    schedules: Schedules,
    draining: Draining,
    database: DatabaseService,
  ) {
    draining.signal.addEventListener('abort', () => this.stop());
    settings.onChanged(() => this.soon());
    database.onReady(async () => this.soon());
    schedules.every(DAY_SECONDS, 'notifications.clean', () => this.deliveries.clean(KEPT_DAYS));
  }

  /** Nothing by the clock from here on; for tests, which count connections and move time. */
  rest(): void {
    this.rests = true;
    clearTimeout(this.timer);
  }

  /** Everything that can be told now; for tests. */
  async settle(): Promise<void> {
    await (this.running = this.running.then(() => this.pass()));
    await Promise.all(this.lanes.values());
  }

  private soon(): void {
    if (!this.rests) this.expectIn(0);
  }

  private expectIn(ms: number): void {
    clearTimeout(this.timer);
    if (this.stopped || this.rests) return;
    this.timer = setTimeout(() => {
      this.running = this.running.then(() => this.pass()).then(() => this.expectIn(this.restMs()));
    }, ms);
    this.timer.unref();
  }

  private async pass(): Promise<void> {
    if (this.stopped) return;
    try {
      const settings = await this.settings.open();
      const told = CHANNELS.flatMap((channel): Told[] => {
        const { enabled = false, minimumSeverity = 'critical' } = settings.channels[channel] ?? {};
        return enabled ? [{ channel, minimumSeverity }] : [];
      });
      this.isIdle = told.length === 0;
      if (!this.isIdle) await this.tell(told, settings);
      this.saidAway = false;
    } catch (error) {
      // Once: a database that is away for a night would fill the log.
      if (!this.saidAway) this.log.warn(`incidents could not be looked at, trying again: ${(error as Error).message}`);
      this.saidAway = true;
    }
  }

  private async tell(told: readonly Told[], settings: OpenSettings): Promise<void> {
    const now = performance.now();
    const isAll = now - this.allAt > ALL_EVERY_MS || this.rests;
    await this.deliveries.plan(told, isAll ? HOURS.all : HOURS.usually);
    if (isAll) {
      this.allAt = now;
      for (const { channel } of told) await this.sender.lookAt(channel, settings);
    }
    for (const { channel } of told) if (!this.lanes.has(channel)) this.open(channel, settings);
  }

  private open(channel: Channel, settings: OpenSettings): void {
    const lane = this.work(channel, settings)
      .catch((error: Error) => this.log.warn(`${channel}: what became of a message was not noted, it may be sent again: ${error.message}`))
      .finally(() => this.lanes.delete(channel));
    this.lanes.set(channel, lane);
  }

  private async work(channel: Channel, settings: OpenSettings): Promise<void> {
    while (!this.stopped && (await this.sender.run(channel, settings)));
  }

  /** With the null pool an idle server should hold no connection. */
  private restMs(): number {
    if (this.isIdle) return IDLE_EVERY_MS;
    return this.env.DB_POOL_TYPE === 'null' ? this.env.WATCH_EVERY_SECONDS * 1_000 : LOOK_EVERY_MS;
  }

  private stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop();
    await Promise.race([this.running.then(() => Promise.all(this.lanes.values())), pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}
