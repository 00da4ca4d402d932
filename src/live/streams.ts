import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ApiKeysService } from '../auth/api-keys.service.js';
import { SessionsRepository } from '../auth/sessions.repository.js';
import { Draining } from '../common/draining.js';
import { Metrics } from '../common/metrics.js';
import type { Requester } from '../common/principal.js';
import { gone, unavailable } from '../common/problem.js';
import { EventFeed, type EventFollower } from '../events/event-feed.js';
import { type EventFilter, EventLog, type EventPosition, type EventRow } from '../events/event-log.repository.js';
import { eventMessage } from './event-message.js';
import { EventStream } from './event-stream.js';
import { Replay } from './replay.js';

/** Each may owe half a mebibyte; those who see the same events owe the same bytes. */
export const STREAMS_MAX = 1_000;
/** The oldest gives way: a phone that keeps losing its network leaves connections behind that look open for minutes. */
export const STREAMS_PER_CALLER_MAX = 20;
/** The page calls what it has not heard of for 10 s not known. */
const HEARTBEAT_MS = 5_000;
/** Nothing is told on a credential that was not seen to be good in this time. */
const CREDENTIALS_GOOD_MS = 900;

interface Message {
  row: EventRow;
  bytes: Buffer;
}

/** The open streams: lets them in, tells them what the feed tells, and ends them with their credential or the server. */
@Injectable()
export class Streams implements EventFollower, OnApplicationShutdown {
  private readonly log = new Logger('Streams');
  private readonly open = new Set<EventStream>();
  private readonly replay: Replay;
  private heartbeats: NodeJS.Timeout | undefined;
  private opened = 0;
  /** When credentials were looked at, and how many streams had been opened then. */
  private lastCheck = { at: -Infinity, opened: 0 };

  constructor(
    private readonly feed: EventFeed,
    private readonly events: EventLog,
    private readonly keys: ApiKeysService,
    private readonly sessions: SessionsRepository,
    private readonly draining: Draining,
    metrics: Metrics,
  ) {
    metrics.gauge('tradewarden_event_streams', 'Event streams that are open on this instance now.', () => this.count);
    metrics.gauge('tradewarden_event_feed_behind_seconds', 'For how long there may be events that the streams of this instance were not told; absent while nobody follows.',
      () => this.behindSeconds);
    metrics.gauge('tradewarden_event_feed_gap_seconds', 'For how long the streams of this instance have waited at a missing number of the event log for a transaction to end, 0 when they do not; absent while nobody follows.',
      () => this.feed.gapSeconds);
    this.replay = new Replay(events, {
      position: () => this.feed.position,
      before: () => this.before(),
      caughtUp: (stream, at) => stream.goLive(at),
      gone: (stream) => stream.end('RESET'),
    });
    draining.signal.addEventListener('abort', () => this.endAll('DRAINING'));
  }

  get count(): number {
    return this.open.size;
  }

  /** Null while nobody follows, or it is not known. */
  get behindSeconds(): number | null {
    return this.open.size > 0 && Number.isFinite(this.feed.behindMs) ? this.feed.behindMs / 1_000 : null;
  }

  /**
   * Before a stream is opened.
   * @throws {Problem} 410 EVENT_ID_GONE when what followed the id may not be there any more; 503 STREAMS_FULL, DRAINING
   */
  async check(from: EventPosition | null): Promise<void> {
    if (from && !(await this.events.knows(from))) {
      throw gone('EVENT_ID_GONE', 'The event with this id is not stored (any more), so what followed it cannot be told without a gap. Begin without an id, and read the state anew.');
    }
    if (this.draining.begun) throw unavailable('DRAINING', 'This instance is shutting down.', 1);
  }

  /** Opens a stream; nothing is awaited between the checks and the first byte. @throws {Problem} 503 STREAMS_FULL */
  start(reply: FastifyReply, principal: Requester, filter: EventFilter, from: EventPosition | null): void {
    if (reply.raw.destroyed) return;
    this.makeRoom(principal);
    const stream = new EventStream(reply, principal, filter, from, (...ended) => this.leave(...ended));
    this.opened += 1;
    this.open.add(stream);
    this.heartbeats ??= setInterval(() => this.beat(), HEARTBEAT_MS);
    stream.onHungry(() => this.replay.poke());
    this.feed.follow(this);
    if (from) {
      stream.state = 'replaying';
      this.replay.add(stream);
    } else if (this.feed.position) {
      stream.goLive(this.feed.position);
    }
  }

  private makeRoom(principal: Requester): void {
    const own = [...this.open].filter((each) => sameCaller(each.principal, principal));
    if (own[0] && own.length >= STREAMS_PER_CALLER_MAX) own[0].end('TOO_MANY_STREAMS');
    if (this.open.size >= STREAMS_MAX) throw unavailable('STREAMS_FULL', `This instance serves ${STREAMS_MAX} streams already.`, 5);
  }

  private leave(stream: EventStream, dropped?: string): void {
    if (dropped) this.log.log(`the stream of ${stream.actor} was closed: ${dropped}`);
    this.open.delete(stream);
    this.replay.remove(stream);
    if (this.open.size > 0) return;
    this.feed.unfollow(this);
    clearInterval(this.heartbeats);
    this.heartbeats = undefined;
  }

  private endAll(code: string): void {
    for (const stream of [...this.open]) stream.end(code);
  }

  private beat(): void {
    for (const stream of [...this.open]) stream.heartbeat(this.feed.behindMs, this.feed.position);
  }

  /** Ends the streams whose credential has ended. One that was opened since the last look was let in a while ago, perhaps. */
  async before(): Promise<void> {
    const now = { at: performance.now(), opened: this.opened };
    if (now.at - this.lastCheck.at < CREDENTIALS_GOOD_MS && now.opened === this.lastCheck.opened) return;
    const asked = [...this.open];
    const keyIds = asked.flatMap(({ principal }) => (principal.kind === 'agent' ? [principal.keyId] : []));
    const sessions = asked.flatMap(({ principal }) => (principal.kind === 'user' ? [principal.session] : []));
    const endedKeys = new Set(await this.keys.ended([...new Set(keyIds)]));
    const endedSessions = new Set(await this.sessions.ended(sessions));
    for (const stream of asked) {
      const { principal } = stream;
      if (principal.kind === 'agent' ? endedKeys.has(principal.keyId) : endedSessions.has(principal.session)) stream.end('CREDENTIAL_ENDED');
    }
    this.lastCheck = now;
  }

  started(at: EventPosition): void {
    for (const stream of [...this.open]) if (stream.state === 'starting') stream.goLive(at);
    this.replay.poke();
  }

  take(rows: readonly EventRow[]): void {
    const messages: Message[] = rows.map((row) => ({ row, bytes: eventMessage(row) }));
    const byAgent = Map.groupBy(messages, ({ row }) => row.agent_id);
    // Most streams of people want all of it: they share the bytes.
    let all: Buffer | undefined;
    for (const stream of [...this.open].filter(({ state }) => state === 'live')) {
      const own = stream.filter.agentId === null ? messages : (byAgent.get(stream.filter.agentId) ?? []);
      const wanted = own.filter(({ row }) => row.seq > stream.done && isOfType(row, stream.filter));
      stream.done = Math.max(stream.done, rows.at(-1)?.seq ?? 0);
      const last = wanted.at(-1)?.row;
      if (!last) continue;
      const bytes = wanted.length === messages.length ? (all ??= joined(messages)) : joined(wanted);
      stream.give(bytes, { seq: last.seq, atUs: last.at_us });
    }
  }

  lost(): void {
    this.endAll('RESET');
  }

  onApplicationShutdown(): void {
    this.endAll('DRAINING');
  }
}

const joined = (messages: Message[]): Buffer => Buffer.concat(messages.map(({ bytes }) => bytes));

const isOfType = ({ type }: EventRow, { types, subjects }: EventFilter): boolean =>
  (types.length === 0 && subjects.length === 0) || types.includes(type) || subjects.includes(type.slice(0, type.indexOf('.')));

const sameCaller = (one: Requester, other: Requester): boolean =>
  one.kind === 'user' ? other.kind === 'user' && one.id === other.id : other.kind === 'agent' && one.agentId === other.agentId;
