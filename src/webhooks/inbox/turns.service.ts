import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { inTransaction, type Tx } from '../../database/transaction.js';
import type { Routed } from '../routing/routed.js';
import { AlertRouter } from '../routing/router.service.js';
import { SourcesRepository, type Source, toSource } from '../sources/sources.repository.js';
import { AlertEnds, type Ending } from './alert-ends.service.js';
import { ATTEMPTS_MOST, type Failure, failureOf, pauseAfter } from './attempts.js';
import type { FinishedStatus } from './finished.repository.js';
import { closingOnly, overtakenBy } from './overtaking.js';
import { type HeadAlert, OVERTAKEN_AT_ONCE, type Stream, StreamsRepository } from './streams.repository.js';

const DETAIL_CHARACTERS = 1_000;

const OVERTAKEN = { code: 'OVERTAKEN_BY_EXIT', detail: 'It came before an exit and still waited when that was carried out: opened now, it would be open after its exit.' };
const CLOSES_ONLY = { code: 'OVERTAKEN_BY_EXIT', detail: 'It came before an exit that was carried out first: it closes what is held against it and opens nothing.' };

/** The end of an alert's run was not stored, since it is not waiting in that run any more. Rolls back what was done for it. */
class NoLongerWaiting extends Error {}

/** `done`: there may be more in the stream. `waits`: its next turn is at a later time. `elsewhere`: somebody else works on the stream. */
export type TurnResult = 'done' | 'waits' | 'nothing' | 'elsewhere';

/** Second step of the inbox: one turn of one stream, in one transaction. What crashes in it leaves the alert as it was, and nothing done. */
@Injectable()
export class AlertTurns {
  private readonly log = new Logger('Inbox');

  constructor(
    private readonly dataSource: DataSource,
    private readonly streams: StreamsRepository,
    private readonly sources: SourcesRepository,
    private readonly router: AlertRouter,
    private readonly ends: AlertEnds,
  ) {}

  /** @throws when not even the failure of a turn could be noted: the database is away */
  async take(stream: Stream): Promise<TurnResult> {
    let head: HeadAlert | null = null;
    try {
      return await inTransaction(this.dataSource, async (tx) => {
        head = null;
        if (!(await this.streams.hold(tx, stream))) return 'elsewhere';
        head = await this.streams.head(tx, stream);
        return head ? await this.turn(tx, head) : 'nothing';
      });
    } catch (error) {
      const tried = head as HeadAlert | null;
      if (tried === null) throw error;
      if (error instanceof NoLongerWaiting) return 'nothing';
      return this.failed(tried, error);
    }
  }

  private async turn(tx: Tx, alert: HeadAlert): Promise<TurnResult> {
    const source = await this.sourceOf(tx, alert);
    const routed = await this.router.route(tx, alert, alert.signal, source);
    if (alert.is_exit && source.action !== 'store') await this.overtake(tx, alert, source);
    return this.write(tx, alert, source, routed);
  }

  private async write(tx: Tx, alert: HeadAlert, source: Source, routed: Routed): Promise<TurnResult> {
    if (!('again' in routed)) {
      await this.end(tx, alert, source, routed);
      return 'done';
    }
    const { code, detail, counts } = routed.again;
    if (counts && alert.attempts + 1 >= ATTEMPTS_MOST) {
      await this.end(tx, alert, source, exhausted(code, detail, routed.outcome));
      return 'done';
    }
    const seconds = counts ? Math.max(routed.again.inSeconds, pauseAfter(alert.attempts + 1)) : routed.again.inSeconds;
    if (!(await this.streams.wait(tx, alert, { code, detail: detail.slice(0, DETAIL_CHARACTERS), seconds, counts, outcome: routed.outcome }))) throw new NoLongerWaiting();
    return 'waits';
  }

  private async end(tx: Tx, alert: HeadAlert, source: Source, as: { status: FinishedStatus; code: string | null; detail: string | null; outcome: Record<string, unknown> | null }): Promise<void> {
    const ended = await this.ends.end(tx, [ending(alert, source, as)]);
    if (ended.size === 0) throw new NoLongerWaiting();
  }

  /** Entries that came before the exit, and that it has passed by, are not opened after it. */
  private async overtake(tx: Tx, exit: HeadAlert, source: Source): Promise<void> {
    while ((await this.overtakeSome(tx, exit, source)) > 0);
  }

  /** @returns how many may be left of which something can be done: 0 ends it */
  private async overtakeSome(tx: Tx, exit: HeadAlert, source: Source): Promise<number> {
    const overtaken = await this.streams.overtaken(tx, exit, overtakenBy(exit.signal));
    let reduced = 0;
    const held = new Map<string, boolean>([[exit.symbol, true]]);
    const gone: Ending[] = [];
    for (const alert of overtaken) {
      // Of another symbol: whoever works on it now has begun before the command, and its gate sees what the command did.
      if (!held.has(alert.symbol)) held.set(alert.symbol, await this.streams.hold(tx, alert));
      if (held.get(alert.symbol) !== true) continue;
      if (alert.signal.intent === 'order' && isUntouched(alert)) {
        await this.streams.reduce(tx, alert, closingOnly(alert.signal), CLOSES_ONLY);
        reduced += 1;
      } else gone.push(ending(alert, source, { status: 'ignored', ...OVERTAKEN, outcome: null }));
    }
    await this.ends.end(tx, gone);
    return overtaken.length < OVERTAKEN_AT_ONCE ? 0 : gone.length + reduced;
  }

  /** All of the turn was rolled back. Noted by itself; whoever took another turn meanwhile has noted that. */
  private async failed(alert: HeadAlert, error: unknown): Promise<TurnResult> {
    const failure = failureOf(error, alert.attempts);
    this.log.warn({ alertId: alert.id, attempts: alert.attempts, code: failure.code, error: (error as Error).message, correlationId: alert.correlation_id }, 'the turn of an alert failed');
    return inTransaction(this.dataSource, async (tx) => {
      if (!(await this.streams.hold(tx, alert))) return 'elsewhere';
      const source = await this.sourceOf(tx, alert);
      const end = endAfter(failure, alert);
      if (end !== null) return (await this.ends.end(tx, [ending(alert, source, end)])).size > 0 ? 'done' : 'nothing';
      const { code, detail, counts, pauseSeconds } = failure as Extract<Failure, { ends: false }>;
      await this.streams.wait(tx, alert, { code, detail: detail.slice(0, DETAIL_CHARACTERS), seconds: pauseSeconds, counts, outcome: null });
      return 'waits';
    });
  }

  private async sourceOf(tx: Tx, { source_id }: HeadAlert): Promise<Source> {
    const row = await this.sources.byId(source_id, tx);
    if (!row) throw new Error(`webhook source ${source_id} is not there`);
    return toSource(row);
  }
}

/** A reversal that has closed stands in its outcome. */
const isUntouched = ({ outcome }: HeadAlert): boolean => Object.keys(outcome ?? {}).length === 0;

const exhausted = (code: string, detail: string, outcome: Record<string, unknown> | null) =>
  ({ status: 'quarantined' as const, code: 'ATTEMPTS_EXHAUSTED', detail: `Tried ${ATTEMPTS_MOST} times, the last time: ${code}: ${detail}`.slice(0, DETAIL_CHARACTERS), outcome });

function endAfter(failure: Failure, { attempts, outcome }: HeadAlert): ReturnType<typeof exhausted> | { status: 'failed'; code: string; detail: string; outcome: null } | null {
  if (failure.ends) return { status: 'failed', code: failure.code, detail: failure.detail.slice(0, DETAIL_CHARACTERS), outcome: null };
  return failure.counts && attempts + 1 >= ATTEMPTS_MOST ? exhausted(failure.code, failure.detail, outcome) : null;
}

const ending = (alert: HeadAlert, source: Source, as: Pick<Ending, 'status' | 'code' | 'detail' | 'outcome'>): Ending => ({
  id: alert.id, run: alert.run, ...as, isUrgent: alert.is_exit, isRedriven: alert.redriven_at !== null,
  source: { id: source.id, name: source.name, executorAgentId: source.executorAgentId },
});
