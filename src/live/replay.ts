import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { isDatabaseAway } from '../database/sql-state.js';
import type { EventLog, EventPosition } from '../events/event-log.repository.js';
import { eventMessage } from './event-message.js';
import type { EventStream } from './event-stream.js';

const AFTER_ERROR_MS = 1_000;

interface Feed {
  /** Up to here nothing comes late. */
  position(): EventPosition | null;
  /** Before anything is told: ends the streams whose credential has ended. What it throws puts the telling off. */
  before(): Promise<void>;
  caughtUp(stream: EventStream, at: EventPosition): void;
  /** The row from which this stream comes is gone. */
  gone(stream: EventStream): void;
}

/**
 * Reads for the streams that come from further back, up to where the feed is: a page at a time, one stream after the
 * other, one statement at a time for all of them, and nothing for a stream whose reader has not taken what it got.
 */
export class Replay {
  private readonly log = new Logger('Replay');
  private readonly waiting = new Set<EventStream>();
  private running = false;

  constructor(
    private readonly events: EventLog,
    private readonly feed: Feed,
  ) {}

  add(stream: EventStream): void {
    this.waiting.add(stream);
    this.poke();
  }

  remove(stream: EventStream): void {
    this.waiting.delete(stream);
  }

  /** A stream may have become hungry, or the feed may know where it is. */
  poke(): void {
    if (this.running || this.waiting.size === 0) return;
    this.running = true;
    void this.run();
  }

  private async run(): Promise<void> {
    for (let stream = this.next(); stream; stream = this.next()) {
      this.waiting.delete(stream);
      try {
        await this.step(stream);
      } catch (error) {
        if (!isDatabaseAway(error)) this.log.error({ err: error }, 'events were not read');
        if (stream.state !== 'ended') this.waiting.add(stream);
        await pause(AFTER_ERROR_MS, undefined, { ref: false });
      }
    }
    this.running = false;
  }

  /** Whoever has waited longest. */
  private next(): EventStream | undefined {
    if (!this.feed.position()) return undefined;
    for (const stream of this.waiting) if (stream.isHungry) return stream;
    return undefined;
  }

  private async step(stream: EventStream): Promise<void> {
    const to = this.feed.position();
    if (to && stream.from && stream.done < to.seq) {
      const found = await this.events.replay(stream.from, stream.done, to.seq, stream.filter);
      await this.feed.before();
      if (hasEnded(stream)) return;
      if (!found) return this.feed.gone(stream);
      const last = found.rows.at(-1);
      if (last) stream.give(Buffer.concat(found.rows.map(eventMessage)), { seq: last.seq, atUs: last.at_us });
      stream.done = found.done;
    }
    if (hasEnded(stream)) return;
    // The feed does not move between this look and the next line.
    const now = this.feed.position();
    if (now && stream.done >= now.seq) this.feed.caughtUp(stream, now);
    else this.waiting.add(stream);
  }
}

/** For the compiler, which believes that nothing changes in a call. */
const hasEnded = (stream: EventStream): boolean => stream.state === 'ended';
