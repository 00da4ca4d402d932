import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Requester } from '../common/principal.js';
import { actorOf } from '../common/principal.js';
import type { EventFilter, EventPosition } from '../events/event-log.repository.js';
import { endMessage, heartbeatMessage, idOf, readyMessage } from './event-message.js';

/**
 * What may wait for a reader in this process, beside one message that is larger by itself; the kernel holds some more.
 * A page of the log is less than half of it, so that a burst drops nobody who reads.
 */
export const OUTSTANDING_BYTES_MAX = 524_288;
/** A reader to whom nothing could be handed over for so long is gone, or may as well be. */
const STALLED_MS = 30_000;
/** For the last word to leave. */
const GOODBYE_MS = 300;
/** Clients that lost their server come back spread over two seconds, not all at once. */
const RETRY_MS = { least: 1_000, spread: 2_000 };

const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-store, no-transform', 'x-accel-buffering': 'no' };

/** One reader's connection. It buffers no more than `OUTSTANDING_BYTES_MAX`, and says why when it ends. */
export class EventStream {
  /** `starting` and `replaying` streams get nothing of what is new: they will read it. */
  state: 'starting' | 'replaying' | 'live' | 'ended' = 'starting';
  /** All up to this number was looked at for this reader. */
  done: number;
  readonly actor: string;
  private readonly raw: ServerResponse;
  private readonly tokenEnd: NodeJS.Timeout | undefined;
  private progressAt = performance.now();
  private idSent = '';

  /**
   * @param from the last row that the reader has; null to begin now
   * @param onEnd called once, when the reader has gone or was let go, with the reason if it was too slow
   */
  constructor(reply: FastifyReply, readonly principal: Requester, readonly filter: EventFilter, public from: EventPosition | null, private readonly onEnd: (stream: EventStream, dropped?: string) => void) {
    this.actor = actorOf(principal);
    this.done = from?.seq ?? 0;
    this.raw = reply.raw;
    if (principal.kind === 'user') this.tokenEnd = setTimeout(() => this.end('TOKEN_EXPIRED'), Math.max(0, principal.tokenEndsAtMs - Date.now())).unref();
    reply.hijack();
    this.raw.once('close', () => this.over());
    this.raw.on('error', () => this.over());
    this.raw.writeHead(200, { ...(reply.getHeaders() as OutgoingHttpHeaders), ...HEADERS });
    this.raw.write(`retry: ${RETRY_MS.least + Math.round(Math.random() * RETRY_MS.spread)}\n\n`);
  }

  /** Whether what was given has left, so that more may be read for it. */
  get isHungry(): boolean {
    return this.state !== 'ended' && !this.raw.writableNeedDrain;
  }

  onHungry(hungry: () => void): void {
    this.raw.on('drain', hungry);
  }

  /** From here on it is told what is new. */
  goLive(at: EventPosition): void {
    this.state = 'live';
    const here = this.from && this.from.seq > at.seq ? this.from : at;
    this.done = Math.max(this.done, at.seq);
    this.idSent = idOf(here);
    this.write(readyMessage(here));
  }

  /** @param last the last row in these messages; a reader who has not taken enough of what came before is let go */
  give(messages: Buffer, last: EventPosition): void {
    const waiting = this.raw.writableLength;
    if (waiting > 0 && waiting + messages.length > OUTSTANDING_BYTES_MAX) return this.drop(`${waiting} bytes were waiting for its reader`);
    this.from = last;
    this.idSent = idOf(last);
    this.write(messages);
  }

  /** @param at how far the feed is; a reader who takes nothing any more is let go */
  heartbeat(behindMs: number, at: EventPosition | null): void {
    if (this.raw.writableLength > 0 && performance.now() - this.progressAt > STALLED_MS) return this.drop(`its reader took nothing for ${STALLED_MS / 1000} s`);
    const isLive = this.state === 'live';
    const moved = isLive && at !== null && at.seq >= this.done && idOf(at) !== this.idSent ? at : null;
    if (moved) this.idSent = idOf(moved);
    this.write(heartbeatMessage(isLive ? behindMs : Infinity, moved));
  }

  /** Says why, as far as the reader still listens. */
  end(code: string): void {
    if (this.state === 'ended') return;
    this.over();
    this.raw.end(endMessage(code));
    setTimeout(() => this.raw.destroy(), GOODBYE_MS).unref();
  }

  private drop(why: string): void {
    this.over(why);
    this.raw.destroy();
  }

  private write(bytes: Buffer): void {
    if (this.state === 'ended') return;
    if (this.raw.writableLength === 0) this.progressAt = performance.now();
    this.raw.write(bytes, () => (this.progressAt = performance.now()));
  }

  private over(dropped?: string): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    clearTimeout(this.tokenEnd);
    this.onEnd(this, dropped);
  }
}
