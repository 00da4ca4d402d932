import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Draining } from '../common/draining.js';
import { Metrics } from '../common/metrics.js';
import { Listener } from '../database/listener.js';
import { HaltsRepository } from '../halts/halts.repository.js';
import type { HandedOut, LeaseAsk } from './hand-out.repository.js';
import { LeaseRepository } from './lease.repository.js';

/** One query a second for everyone who waits: it finds what no notification told of. */
const RECHECK_MS = 1_000;
/**
 * Polls end on multiples of this, up to so much later than asked: those of one tick end, and mostly begin anew, in one
 * statement. 5,000 polls of 25 s make 56 statements a second so, and took 600 when each ended by itself.
 */
const END_EVERY_MS = 100;
/** Wakes that arrive together are told to the other instances in one notification. */
const NOTIFY_AFTER_MS = 10;
/** 100 ids of 36 characters stay far below the 8,000 bytes of a notification. */
const AGENTS_PER_NOTIFICATION = 100;

/** In front of the ids in a notification: all polls of these agents end, and not one of each. */
const ALL_OF = '!';

/** A poll that waits. */
export interface Poll {
  ask: LeaseAsk;
  /** Ends its waiting, with what it asked for, or with null: then it looks for itself. */
  leave: (handedOut: HandedOut | null) => void;
}

/**
 * Where waiting polls stand: in memory, holding no connection. A command that is queued here is handed to one of them
 * by the statement that queues it; otherwise they are woken, here or, by notification, on another instance; losing a
 * notification costs one re-check.
 */
@Injectable()
export class Parking implements OnApplicationShutdown {
  private readonly log = new Logger('Parking');
  private readonly parked = new Map<string, Set<Poll>>();
  private readonly toTell = new Set<string>();
  private recheck?: NodeJS.Timeout | undefined;
  private telling?: NodeJS.Timeout | undefined;
  private looking = false;
  /** Of the halts in force, when they were last looked at. */
  private halts = '';

  constructor(
    private readonly leases: LeaseRepository,
    private readonly listener: Listener,
    private readonly haltsInForce: HaltsRepository,
    private readonly draining: Draining,
    metrics: Metrics,
  ) {
    metrics.gauge('tradewarden_parked_polls', 'Long polls that wait on this instance now; none of them holds a connection to the database.',
      () => [...this.parked.values()].reduce((sum, waiting) => sum + waiting.size, 0));
    listener.onMessage((payload) => this.heard(payload));
    draining.signal.addEventListener('abort', () => this.wakeLocally('*'));
  }

  /** Null when there may be work, when the time is over, when the caller has gone, or when the server drains. */
  wait(ask: LeaseAsk, timeoutMs: number, gone: AbortSignal): Promise<HandedOut | null> {
    if (gone.aborted || this.draining.begun || timeoutMs <= 0) return Promise.resolve(null);
    return new Promise((resolve) => {
      const leave = (handedOut: HandedOut | null) => {
        clearTimeout(timer);
        gone.removeEventListener('abort', nobodyWaits);
        this.remove(poll);
        resolve(handedOut);
      };
      const poll: Poll = { ask, leave };
      const nobodyWaits = () => this.leaveUnlessTaken(poll);
      const timer = setTimeout(nobodyWaits, untilTick(timeoutMs));
      gone.addEventListener('abort', nobodyWaits, { once: true });
      const waiting = this.parked.get(ask.agentId) ?? new Set();
      waiting.add(poll);
      this.parked.set(ask.agentId, waiting);
      this.recheck ??= setInterval(() => void this.lookForWork(), RECHECK_MS);
    });
  }

  /** The poll that has waited longest for this agent. Nothing else ends its waiting now: whoever takes it has to. */
  take(agentId: string): Poll | null {
    for (const poll of this.parked.get(agentId) ?? []) {
      this.remove(poll);
      return poll;
    }
    return null;
  }

  private remove(poll: Poll): boolean {
    const waiting = this.parked.get(poll.ask.agentId);
    const waited = waiting?.delete(poll) ?? false;
    if (waiting?.size === 0) this.parked.delete(poll.ask.agentId);
    if (this.parked.size === 0) this.stopRecheck();
    return waited;
  }

  private leaveUnlessTaken(poll: Poll): void {
    if (this.remove(poll)) poll.leave(null);
  }

  /** After the commit: wakes who waits for this agent, here and elsewhere. */
  wake(agentId: string): void {
    this.wakeLocally(agentId);
    if (!this.listener.connected) return;
    this.toTell.add(agentId);
    this.telling ??= setTimeout(() => void this.tell(), NOTIFY_AFTER_MS);
  }

  /** After the commit of what changes what these agents should be doing: all their polls end, here and elsewhere. */
  async wakeAll(agentIds: readonly string[]): Promise<void> {
    for (const agentId of agentIds) this.wakeAllOf(agentId);
    if (agentIds.length > AGENTS_PER_NOTIFICATION * 10) return void (await this.listener.notify('*'));
    for (let i = 0; i < agentIds.length; i += AGENTS_PER_NOTIFICATION) {
      await this.listener.notify(ALL_OF + agentIds.slice(i, i + AGENTS_PER_NOTIFICATION).join(','));
    }
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
    if (payload.startsWith(ALL_OF)) payload.slice(ALL_OF.length).split(',').forEach((agentId) => this.wakeAllOf(agentId));
    else for (const agentId of payload.split(',')) this.wakeLocally(agentId);
  }

  private wakeLocally(agentId: string): void {
    if (agentId !== '*') return this.wakeNext(agentId);
    for (const poll of [...this.parked.values()].flatMap((each) => [...each])) poll.leave(null);
  }

  private wakeAllOf(agentId: string): void {
    for (const poll of [...(this.parked.get(agentId) ?? [])]) poll.leave(null);
  }

  /**
   * One of those who wait for this agent, the longest first: waking all of 1,000 polls for one command made 2,005
   * statements. Whoever takes all it may wakes the next; the re-check finds what was missed.
   */
  wakeNext(agentId: string): void {
    this.take(agentId)?.leave(null);
  }

  private async lookForWork(): Promise<void> {
    // While the database hangs, looks would pile up and take connections from those who have work.
    if (this.looking) return;
    this.looking = true;
    try {
      // A halt whose notification was lost, or that was imposed where nobody sends any, is told within this second too.
      const halts = await this.haltsInForce.fingerprint();
      if (halts !== this.halts) this.wakeLocally('*');
      this.halts = halts;
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

const untilTick = (ms: number) => ms + END_EVERY_MS - 1 - ((Date.now() + ms - 1) % END_EVERY_MS);
