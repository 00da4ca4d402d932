import { Refused, ServerAway, type Api } from './api.js';
import { Backoff, pause, RETRY_AFTER_MAX_MS } from './backoff.js';
import { newer, parseDesiredHeader, readDesired, type DesiredState } from './desired-state.js';

/** The agent cannot go on: its key is refused or its agent is gone. The message is for a person. */
class CannotContinue extends Error {}

export interface LinkHooks {
  heartbeat: () => Record<string, unknown>;
  /** Tells what the broker shows now. */
  tellPositions: () => Promise<void>;
  /** After each heartbeat that went through while the server was up. */
  onHeartbeat: () => void;
  /** Sends every spooled fact in order; rejects with ServerAway when the server does not answer. */
  sendFacts: () => Promise<void>;
  onDesired: (desired: DesiredState) => void;
  say: (line: string) => void;
}

interface HeartbeatAnswer {
  desiredState?: unknown;
  tradingLeaseSeconds?: number;
  heartbeatSeconds?: number;
  serverTime?: string;
}

/** A second running copy holds the trading lease for up to a minute; asking more often changes nothing. */
const CONFLICT_WAIT_MS = 5_000;
/** A clock that is further off than this is corrected by the server's, since facts from the future are refused. */
const CLOCK_TOLERANCE_MS = 2_000;

/**
 * The connection to the server as the rest of the agent sees it: up or down, what the server wants, whether trading is
 * allowed. After any outage it reports in a fixed order: heartbeat, positions, facts; only then is it up again.
 */
export class Link {
  desired: DesiredState | null = null;
  isUp = false;
  clockOffsetMs = 0;
  private heartbeatSeconds = 15;
  private lease = { fromMonotonicMs: 0, fromWallMs: 0, seconds: 0 };
  /** The server's Retry-After, on the monotonic clock. */
  private notBeforeMs = 0;
  private recovering: Promise<void> | null = null;
  private nudge = new AbortController();

  constructor(
    private readonly api: Api,
    private readonly hooks: LinkHooks,
    private readonly stop: AbortSignal,
    private readonly backoff = new Backoff(),
  ) {
    api.onHeaders = (headers) => this.see(parseDesiredHeader(headers.get('x-desired-state'), this.desired));
  }

  /** A duration counted from before the request, by whichever clock has moved further: a suspended machine stops one. */
  get holdsTradingLease(): boolean {
    const elapsedMs = Math.max(performance.now() - this.lease.fromMonotonicMs, Date.now() - this.lease.fromWallMs);
    return elapsedMs < this.lease.seconds * 1000;
  }

  now(): Date {
    return new Date(Date.now() + this.clockOffsetMs);
  }

  /** Resolves when the server is there and everything owed has been told to it, or when the agent stops. */
  async whenUp(): Promise<void> {
    if (this.isUp || this.stop.aborted) return;
    this.recovering ??= this.recover().finally(() => (this.recovering = null));
    await this.recovering;
  }

  /** Notes a failure. No answer or a 5xx means that the server is away; a 429 or a 409 only "not now". */
  markDown(error: ServerAway): void {
    if ((error.status > 0 && error.status < 500) || this.stop.aborted) return;
    this.notBeforeMs = Math.max(this.notBeforeMs, performance.now() + Math.min(error.retryAfterMs, RETRY_AFTER_MAX_MS));
    if (this.isUp) this.hooks.say(`the server is away (${error.message}); going on alone, exits are still managed`);
    this.isUp = false;
  }

  /** Something got through: the next failure begins with a short wait again. */
  noteProgress(): void {
    this.backoff.reset();
  }

  /** Heartbeats until the agent stops; each failure leads through the recovery. */
  async run(): Promise<void> {
    while (!this.stop.aborted) {
      this.nudge = new AbortController();
      if (!this.isUp) await this.whenUp();
      else if (await this.attempt(() => this.heartbeat())) this.hooks.onHeartbeat();
      if (this.isUp) await pause(this.heartbeatSeconds * 1000, AbortSignal.any([this.stop, this.nudge.signal]));
    }
  }

  /** Makes the next heartbeat due now, so that a change is seen at once. */
  heartbeatSoon(): void {
    this.nudge.abort();
  }

  async heartbeat(timeoutMs = 10_000): Promise<void> {
    const [fromMonotonicMs, fromWallMs] = [performance.now(), Date.now()];
    const { body } = await this.api.post<HeartbeatAnswer>('/agents/me/heartbeat', this.hooks.heartbeat(), { timeoutMs });
    this.lease = { fromMonotonicMs, fromWallMs, seconds: positive(body.tradingLeaseSeconds, 0) };
    this.heartbeatSeconds = Math.min(60, positive(body.heartbeatSeconds, 15));
    this.readClock(body.serverTime, fromWallMs);
    this.see(readDesired(body.desiredState));
  }

  /** Runs one request; when the server is away, notes it and waits as long as it asked. True when it went through. */
  async attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      this.backoff.reset();
      return true;
    } catch (error) {
      await this.cope(error);
      return false;
    }
  }

  /** Waits after a failure that passes. @throws CannotContinue, or the error itself where waiting does not help. */
  async cope(error: unknown): Promise<void> {
    if (error instanceof ServerAway) {
      this.markDown(error);
      await pause(this.backoff.next(error.retryAfterMs), this.stop);
    } else if (error instanceof Refused) {
      if (error.code === 'AGENT_INSTANCE_CONFLICT') {
        this.lease.seconds = 0;
        this.hooks.say('another copy of this agent is running; this one waits and does not trade');
        await pause(CONFLICT_WAIT_MS, this.stop);
      } else {
        throw cannotContinue(error);
      }
    } else {
      throw error;
    }
  }

  private async recover(): Promise<void> {
    while (!this.isUp && !this.stop.aborted) {
      await pause(this.notBeforeMs - performance.now(), this.stop);
      if (this.stop.aborted) return;
      await this.attempt(async () => {
        const wasKnown = this.desired !== null;
        await this.heartbeat();
        await this.hooks.tellPositions();
        await this.hooks.sendFacts();
        this.isUp = true;
        if (wasKnown) this.hooks.say('the server is back, and knows everything again');
      });
    }
  }

  /** Takes in a desired state that came with an answer. */
  see(seen: DesiredState | null): void {
    const before = this.desired;
    this.desired = newer(before, seen);
    if (this.desired && this.desired.version !== before?.version) this.hooks.onDesired(this.desired);
  }

  private readClock(serverTime: string | undefined, sentMs: number): void {
    const time = Date.parse(serverTime ?? '');
    if (Number.isNaN(time)) return;
    const offset = time - (sentMs + Date.now()) / 2;
    this.clockOffsetMs = Math.abs(offset) > CLOCK_TOLERANCE_MS ? Math.round(offset) : 0;
  }
}

function positive(value: unknown, fallback: number): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : fallback;
}

/** 401 and 403 mean the key, 404 and 410 the agent; other refusals of a heartbeat are a fault of this program. */
export function cannotContinue(error: Refused): CannotContinue {
  const why =
    error.status === 401
      ? 'the server does not accept the agent key (revoked, expired or of another server)'
      : error.status === 403
        ? 'the agent key may not do this'
        : 'the server refuses this agent';
  return new CannotContinue(`${why}: ${error.message}`, { cause: error });
}
