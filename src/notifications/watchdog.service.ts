import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { Schedules } from '../database/schedules.js';
import { ask, reasonOf } from './channels/request.js';

const NAME = 'watchdog';
const PING_EVERY_MS = 60_000;
/** Among the schedules that are looked at every few seconds, so that it is not held up by last night's work. */
const LOOK_EVERY_SECONDS = 5;
/** A look that comes a little early is not put off by a whole one. */
const EARLY_MS = 1_000;

/**
 * Tells somebody outside that all is well, and falls silent when it is not: who can no longer think cannot call for help.
 * It is a schedule itself, so a ping says that the database let it claim its turn and that the loop of schedules turns;
 * it is withheld while any schedule is late or failed the last time.
 */
@Injectable()
export class Watchdog {
  private readonly log = new Logger('Watchdog');
  private pingedAt = -Infinity;
  private said = '';
  private pinging: Promise<void> = Promise.resolve();

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly schedules: Schedules,
  ) {
    if (env.WATCHDOG_URL !== undefined) schedules.every(LOOK_EVERY_SECONDS, NAME, () => this.look());
  }

  /** For tests: the last ping is over. */
  async settled(): Promise<void> {
    await this.pinging;
  }

  async look(): Promise<void> {
    const url = this.env.WATCHDOG_URL;
    if (url === undefined || performance.now() - this.pingedAt < PING_EVERY_MS - EARLY_MS) return;
    const unwell = await this.schedules.unwell(NAME);
    if (unwell.length > 0) return this.say(`not pinged, since schedules are not well: ${unwell.join(', ')}`);
    this.pingedAt = performance.now();
    // Not awaited: a service that hangs must not hold up the schedules that watch positions.
    this.pinging = this.ping(url);
  }

  /** What it answers is its own affair, as long as it has heard. Its address is a secret. */
  private async ping(url: string): Promise<void> {
    try {
      const { status } = await ask(url, { method: 'GET' });
      this.say(status >= 200 && status < 300 ? '' : `the ping was answered ${status}`);
    } catch (error) {
      this.say(`the ping did not get through: ${reasonOf(error)}`);
    }
  }

  /** Once for each reason. */
  private say(what: string): void {
    if (what !== this.said && what !== '') this.log.warn(what);
    if (what === '' && this.said !== '') this.log.log('pinged again');
    this.said = what;
  }
}
