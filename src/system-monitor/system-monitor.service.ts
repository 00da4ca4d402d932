import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { actorOf } from '../common/principal.js';
import type { Caller } from '../common/http/caller.js';
import { conflict } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { DatabaseService } from '../database/database.service.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { LONGER_MOST } from '../halts/suspensions.sql.js';
import { SuspensionsRepository, type SuspensionRow } from '../halts/suspensions.repository.js';
import { APP_VERSION } from '../common/version.js';
import { Incidents } from '../incidents/incidents.service.js';
import { Streams } from '../live/streams.js';
import { judge } from './judge.js';
import { look } from './look.js';
import { MonitorConnection } from './monitor-connection.js';
import { allInWords, inWords, isFailing, type Picture, pictureOf, standing, suspends } from './picture.js';
import { type StatusRow, SystemStatusRepository } from './system-status.repository.js';

/** Two of them in a row count: what fails is known within twenty seconds. */
export const LOOK_EVERY_MS = 10_000;
/** Nothing critical for so long: it is over; longer, where it was over within the hour and came back. What comes back twice a minute is not over in between. */
const QUIET_SECONDS = 60;
/** Older, nobody looks: what it says is not known any more. */
const STALE_SECONDS = 60;
const LEAVE_AFTER_MS = 1_000;
const SUBJECT = 'system';

/**
 * Looks at the whole system as one picture: what fails together is one incident with its likely cause. It switches nothing of
 * people's on or off. While too much fails it holds openings by a flag of its own, which ends by itself; what is open is looked
 * after as far as anything still works. By a timer and a connection of its own, since the schedules and the pool are among what it looks at.
 */
@Injectable()
export class SystemMonitor implements OnApplicationShutdown {
  private readonly log = new Logger('SystemMonitor');
  readonly instanceId = randomUUID();
  private readonly delays = monitorEventLoopDelay({ resolution: 20 });
  private timer?: NodeJS.Timeout;
  private running: Promise<void> = Promise.resolve();
  private isLooking = false;
  private said = '';
  private readAt: number | null = null;
  private status: StatusRow | null = null;
  private suspension: SuspensionRow | null = null;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly dataSource: DataSource,
    private readonly database: DatabaseService,
    private readonly schedules: Schedules,
    private readonly own: MonitorConnection,
    private readonly statuses: SystemStatusRepository,
    private readonly suspensions: SuspensionsRepository,
    private readonly incidents: Incidents,
    private readonly events: Events,
    private readonly streams: Streams,
  ) {
    database.onReady(async () => {
      this.delays.enable();
      this.timer ??= setInterval(() => this.turn(), LOOK_EVERY_MS).unref();
    });
  }

  /** What was last read, and whether that still says anything. */
  get seen(): { status: StatusRow | null; suspension: SuspensionRow | null; known: boolean } {
    const known = this.readAt !== null && performance.now() - this.readAt < STALE_SECONDS * 1_000;
    return { status: this.status, suspension: this.suspension, known };
  }

  private turn(): void {
    if (this.isLooking) return;
    this.isLooking = true;
    this.running = this.step().then(() => void (this.said = ''), (error: Error) => this.say(error.message)).finally(() => (this.isLooking = false));
  }

  /** Once for each reason: a database that is away for a night would fill the log. */
  private say(reason: string): void {
    if (reason !== this.said) this.log.warn(`the system was not looked at, trying until it is: ${reason}`);
    this.said = reason;
  }

  /** This server's beat, and, where it is its turn, a look for all. */
  async step(): Promise<void> {
    await this.beat();
    if (await this.statuses.claim()) await this.lookAndAct();
    await this.read();
  }

  async beat(): Promise<void> {
    const { waiting } = this.database.pool();
    const behind = this.streams.behindSeconds;
    const loopDelayMs = Math.max(0, Math.round(this.delays.max / 1e6) || 0);
    this.delays.reset();
    await this.statuses.beat({
      id: this.instanceId, name: `${hostname()}:${this.env.PORT}`.slice(0, 300), version: APP_VERSION, loopDelayMs, poolWaiting: waiting, eventsBehindSeconds: behind === null ? null : Math.max(0, Math.round(behind)),
    });
  }

  /** Never by two servers at once: the row is held while it is compared and written. */
  async lookAndAct(): Promise<Picture> {
    const db = await this.own.get();
    const facts = await look({ ask: (text, values) => db.query(text, values), schedules: this.schedules.known, folders: this.folders() });
    const seen = judge(facts);
    return inTransaction(db, async (tx) => {
      const before = await this.statuses.hold(tx);
      const picture = pictureOf(seen.map((part) => standing(before.parts.find(({ name }) => name === part.name), part, before.at)));
      await this.act(tx, before, picture);
      return picture;
    });
  }

  /** The embedded database may lie on another disk than DATA_DIR. */
  private folders(): Record<string, string> {
    const { folder } = this.database;
    const data = resolve(this.env.DATA_DIR);
    return { data, ...(folder === undefined || folder.startsWith(data) ? {} : { database: folder }) };
  }

  private async act(tx: Tx, before: StatusRow & { at: string }, picture: Picture): Promise<void> {
    const fails = isFailing(picture);
    const longer = fails || before.trouble_since !== null ? Math.min(LONGER_MOST, 2 ** (await this.statuses.overLately(tx))) : 1;
    const quietSince = fails ? null : earlier(before.quiet_since, before.at);
    const isOver = quietSince !== null && Date.parse(before.at) - Date.parse(quietSince) >= QUIET_SECONDS * longer * 1_000;
    const trouble = fails ? earlier(before.trouble_since, before.at) : isOver ? null : before.trouble_since;
    await this.statuses.save(tx, picture, { since: picture.level === before.level ? before.since : before.at, trouble_since: trouble, quiet_since: trouble === null ? null : quietSince });
    const words = inWords(picture);
    if (picture.level !== before.level || picture.cause !== before.cause) {
      const { level, cause } = picture;
      await this.events.append(tx, null, [{ type: 'system.level', data: { from: before.level, to: level, cause, why: fails ? words : null } }]);
      this.log[fails ? 'error' : level === 'none' ? 'log' : 'warn'](`the system is at level ${level}${level === 'none' ? '' : `: ${allInWords(picture)}`}`);
      if (fails) await this.incidents.open(tx, null, { kind: 'SYSTEM_FAILING', severity: 'critical', subjectId: SUBJECT, agentId: null, summary: `${level === 'cascading' ? 'Several parts fail together' : 'A part of the system fails'}, first ${words}.`.slice(0, 1_000), data: { level, cause, parts: picture.parts.filter((part) => part.level !== 'none') } });
    }
    if (isOver && before.trouble_since !== null) await this.incidents.resolve(tx, null, 'SYSTEM_FAILING', [SUBJECT], 'no part of the system has been critical for long enough');
    await this.holdOrEnd(tx, picture, trouble, words, longer);
  }

  /** What is no longer renewed lapses after two minutes, so that nothing opens between two failures. */
  private async holdOrEnd(tx: Tx, picture: Picture, trouble: string | null, words: string, longer: number): Promise<void> {
    if (trouble === null || !suspends(picture)) {
      if (trouble === null || !(await this.suspensions.inForce(tx))) await this.end(tx);
      return;
    }
    const cause = picture.cause ?? SUBJECT;
    if (!(await this.suspensions.hold(tx, trouble, cause, words.slice(0, 1_000), longer))) return;
    await this.events.append(tx, null, [{ type: 'system.suspended', data: { cause, reason: words } }]);
    this.log.error(`openings are held: ${words}`);
  }

  private async end(tx: Tx): Promise<void> {
    if (!(await this.suspensions.end(tx, SUBJECT, 'the system is well again'))) return;
    await this.events.append(tx, null, [{ type: 'system.resumed', data: { by: SUBJECT } }]);
    this.log.log('openings are let through again');
  }

  /**
   * A person lets openings through although parts of the system fail; the monitor holds them again only after all was well once.
   * @throws {Problem} 409 NOT_SUSPENDED
   */
  lift(caller: Caller, reason: string): Promise<SuspensionRow> {
    return inTransaction(this.dataSource, async (tx) => {
      const ended = (await this.suspensions.inForce(tx)) && (await this.suspensions.end(tx, actorOf(caller.principal), reason));
      if (!ended) throw conflict('NOT_SUSPENDED', 'Openings are not held by the system.');
      await this.events.append(tx, caller, [{ type: 'system.resumed', data: { by: actorOf(caller.principal), reason } }]);
      this.suspension = null;
      return ended;
    });
  }

  async read(): Promise<void> {
    const [status, suspension] = [await this.statuses.get(), await this.suspensions.inForce((await this.own.get()).manager)];
    [this.status, this.suspension, this.readAt] = [status, suspension, performance.now()];
  }

  /** For tests, which look themselves. */
  rest(): void {
    clearInterval(this.timer);
  }

  async onApplicationShutdown(): Promise<void> {
    this.rest();
    this.delays.disable();
    await Promise.race([this.running.then(() => this.statuses.leave(this.instanceId)).catch(() => undefined), pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
    await Promise.race([this.own.close(), pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}

/** What began later than now began by a clock that was set back since. */
const earlier = (since: string | null, now: string): string => (since === null || Date.parse(since) > Date.parse(now) ? now : since);
