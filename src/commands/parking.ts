import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Draining } from '../common/draining.js';
import { Metrics } from '../common/metrics.js';
import { Listener } from '../database/listener.js';
import { LeaseRepository } from './lease.repository.js';

/** One query a second for everyone who waits: it finds what no notification told of. */
const RECHECK_MS = 1_000;
/** Wakes that arrive together are told to the other instances in one notification. */
const NOTIFY_AFTER_MS = 10;
/** 100 ids of 36 characters stay far below the 8,000 bytes of a notification. */
const AGENTS_PER_NOTIFICATION = 100;

/**
 * Where waiting polls stand: in memory, holding no connection. They are woken when a command is queued here or, by
 * notification, on another instance; losing a notification costs one re-check.
 */
@Injectable()
export class Parking implements OnApplicationShutdown {
  private readonly log = new Logger('Parking');
  private readonly parked = new Map<string, Set<() => void>>();
  private readonly toTell = new Set<string>();
  private recheck?: NodeJS.Timeout | undefined;
  private telling?: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(
    private readonly leases: LeaseRepository,
    private readonly listener: Listener,
    private readonly draining: Draining,
    metrics: Metrics,
  ) {
    metrics.gauge('tradewarden_parked_polls', 'Long polls that wait on this instance now; none of them holds a connection to the database.',
      () => [...this.parked.values()].reduce((sum, waiting) => sum + waiting.size, 0));
    listener.onMessage((payload) => this.heard(payload));
    draining.signal.addEventListener('abort', () => this.wakeLocally('*'));
  }

  /** Returns when there may be work, when the time is over, when the caller has gone, or when the server drains. */
  wait(agentId: string, timeoutMs: number, gone: AbortSignal): Promise<void> {
    if (gone.aborted || this.draining.begun || timeoutMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.parked.get(agentId) ?? new Set();
      const leave = () => {
        clearTimeout(timer);
        gone.removeEventListener('abort', leave);
        waiting.delete(leave);
        if (waiting.size === 0 && this.parked.get(agentId) === waiting) this.parked.delete(agentId);
        if (this.parked.size === 0) this.stopRecheck();
        resolve();
      };
      const timer = setTimeout(leave, timeoutMs);
      gone.addEventListener('abort', leave, { once: true });
      waiting.add(leave);
      this.parked.set(agentId, waiting);
      this.recheck ??= setInterval(() => void this.lookForWork(), RECHECK_MS);
    });
  }

  /** After the commit: wakes who waits for this agent, here and elsewhere. */
  wake(agentId: string): void {
    this.wakeLocally(agentId);
    if (!this.listener.connected) return;
    this.toTell.add(agentId);
    this.telling ??= setTimeout(() => void this.tell(), NOTIFY_AFTER_MS);
  }

  private async tell(): Promise<void> {
    this.telling = undefined;
    const agents = [...this.toTell];
    this.toTell.clear();
    if (agents.length > AGENTS_PER_NOTIFICATION * 10) return void (await this.listener.notify('*'));
    for (let i = 0; i < agents.length; i += AGENTS_PER_NOTIFICATION) {
      await this.listener.notify(agents.slice(i, i + AGENTS_PER_NOTIFICATION).join(','));
    }
  }

  private heard(payload: string): void {
    for (const agentId of payload.split(',')) this.wakeLocally(agentId);
  }

  private wakeLocally(agentId: string): void {
    if (agentId !== '*') return this.wakeNext(agentId);
    for (const leave of [...this.parked.values()].flatMap((each) => [...each])) leave();
  }

  /**
   * One of those who wait for this agent, the longest first: waking all of 1,000 polls for one command made 2,005
   * statements. Whoever takes all it may wakes the next; the re-check finds what was missed.
   */
  wakeNext(agentId: string): void {
    for (const leave of this.parked.get(agentId) ?? []) return leave();
  }

  private async lookForWork(): Promise<void> {
    // While the database hangs, looks would pile up and take connections from those who have work.
    if (this.looking) return;
    this.looking = true;
    try {
      for (const { agent_id } of await this.leases.withWork([...this.parked.keys()])) this.wakeLocally(agent_id);
    } catch (error) {
      this.log.debug(`re-check failed: ${(error as Error).message}`);
    } finally {
      this.looking = false;
    }
  }

  private stopRecheck(): void {
    clearInterval(this.recheck);
    this.recheck = undefined;
  }

  onApplicationShutdown(): void {
    this.wakeLocally('*');
    this.stopRecheck();
    clearTimeout(this.telling);
  }
}
