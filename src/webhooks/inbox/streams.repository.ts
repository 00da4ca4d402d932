import { Injectable } from '@nestjs/common';
import { Statements } from '../../database/statements.js';
import type { Tx } from '../../database/transaction.js';
import type { Signal } from '../mapping/signal.js';
import { HOLDS_SECONDS } from './attempts.js';

/** Alerts of one source about one symbol take their turns one after the other. */
export interface Stream {
  source_id: string;
  symbol: string;
}

/** An alert whose turn it is. */
export interface HeadAlert {
  id: string; seq: number; run: number; source_id: string; symbol: string; is_exit: boolean; signal: Signal; attempts: number; received_at: string; redriven_at: string | null;
  redriven_by: string | null; correlation_id: string | null; outcome: Record<string, unknown> | null;
}

/** So many of what an exit overtakes are read together. */
export const OVERTAKEN_AT_ONCE = 1_000;

/** First of two keys of the lock that a stream's turn holds; the second is its hash. */
const STREAM_LOCK = 7_301;

const WAITS = (stream: string) => `status = 'received' and source_id = ${stream}.source_id and symbol = ${stream}.symbol`;
const DUE = 'next_attempt_at <= clock.at';
const COLUMNS = 'id, seq, run, source_id, symbol, is_exit, signal, attempts, next_attempt_at, received_at, redriven_at, redriven_by, correlation_id, outcome';

/**
 * The alert whose turn it is in a stream, if any. Exits that are due come first: they wait for nobody. Otherwise the first that is due or that
 * holds up the others: it has not failed, or did so for the first time less than ten seconds ago. What is not mapped yet holds too.
 */
const HEAD = (stream: string) => `lateral (
    (select 0 as rank, ${COLUMNS} from alerts where ${WAITS(stream)} and is_exit and ${DUE} order by seq limit 1)
    union all
    (select 1, ${COLUMNS} from (
      select * from alerts where ${WAITS(stream)} and (first_failed_at is null or first_failed_at > clock.at - interval '${HOLDS_SECONDS} seconds' or ${DUE}) order by seq limit 1
    ) first where ${DUE} and not is_exit)
    order by rank limit 1
  ) head`;

/** From stream to stream along the index of what waits: the cost is that of the streams, not of the alerts in them. */
export const RUNNABLE = {
  name: 'alert_streams_runnable',
  text: `
    with recursive clock as materialized (select app_clock() as at),
    streams as (
      (select source_id, symbol from alerts where status = 'received' order by source_id, symbol limit 1)
      union all
      select next.source_id, next.symbol from streams cross join lateral (
        select source_id, symbol from alerts where status = 'received' and (source_id, symbol) > (streams.source_id, streams.symbol) order by source_id, symbol limit 1
      ) next
    )
    select streams.source_id, streams.symbol from streams cross join clock cross join ${HEAD('streams')}
    where array_position($1::text[], streams.source_id || ' ' || streams.symbol) is null
    order by head.rank, head.next_attempt_at limit $2`,
};

/** Longer than a row is held that decides quickly: a locked account would otherwise hold a lane for as long as a statement may wait. */
const LOCK_TIMEOUT = '2s';

const HOLD = {
  name: 'alert_stream_hold',
  text: `select pg_try_advisory_xact_lock(${STREAM_LOCK}, hashtext($1)) as got, set_config('lock_timeout', '${LOCK_TIMEOUT}', true)`,
};

const NEXT = {
  name: 'alert_stream_next',
  text: `
    with clock as materialized (select app_clock() as at)
    select head.* from (select $1::uuid as source_id, $2::text as symbol) stream cross join clock cross join ${HEAD('stream')}`,
};

@Injectable()
export class StreamsRepository {
  constructor(private readonly statements: Statements) {}

  /** Streams in which it is somebody's turn, those with exits first. @param busy `<source> <symbol>` of those to leave out */
  runnable(busy: readonly string[], limit: number): Promise<Stream[]> {
    return this.statements.run<Stream>(RUNNABLE, [busy, limit]);
  }

  /** Until the transaction ends no other instance works on the stream. False: one does. Look at it with a later statement, which sees what that one did. */
  async hold(tx: Tx, { source_id, symbol }: Stream): Promise<boolean> {
    const [row] = await this.statements.within(tx)<{ got: boolean }>(HOLD, [`${source_id} ${symbol}`]);
    return row?.got === true;
  }

  /** No row lock: it is the stream's lock that keeps others away, and duplicates must be counted on the alert meanwhile. */
  async head(tx: Tx, { source_id, symbol }: Stream): Promise<HeadAlert | null> {
    const [row] = await this.statements.within(tx)<HeadAlert>(NEXT, [source_id, symbol]);
    return row ?? null;
  }

  /** Entries that came before this exit, still wait, and are of its direction, by stream; `OVERTAKEN_AT_ONCE` at most. What a person redrove after the exit had come stays. */
  overtaken(tx: Tx, exit: HeadAlert, { side, everySymbol }: { side: 'long' | 'short' | null; everySymbol: boolean }): Promise<(HeadAlert & { signal: Signal })[]> {
    return tx.sql`
      select ${() => COLUMNS} from alerts
      where status = 'received' and source_id = ${exit.source_id} and (${everySymbol} or symbol = ${exit.symbol}) and not is_exit
        and case when redriven_at is null then seq < ${exit.seq} else redriven_at < ${exit.received_at}::timestamptz end
        and (${side}::text is null or signal ->> 'side' = ${side}::text)
      order by symbol, seq limit ${OVERTAKEN_AT_ONCE}`;
  }

  /** From now on it may only close. */
  async reduce(tx: Tx, alert: HeadAlert, signal: Signal, why: { code: string; detail: string }): Promise<void> {
    await tx.sql`update alerts set signal = ${JSON.stringify(signal)}::jsonb, is_exit = true, code = ${why.code}, detail = ${why.detail}
      where id = ${alert.id} and run = ${alert.run} and status = 'received'`;
  }

  /** It waits for its next turn. False when it is no longer the alert of that run, or was tried meanwhile. */
  async wait(tx: Tx, alert: HeadAlert, next: { code: string; detail: string; seconds: number; counts: boolean; outcome: Record<string, unknown> | null }): Promise<boolean> {
    const rows: unknown[] = await tx.sql`
      with waiting as (
        update alerts set attempts = attempts + ${next.counts ? 1 : 0}, next_attempt_at = app_clock() + make_interval(secs => ${next.seconds}), first_failed_at = coalesce(first_failed_at, app_clock()),
          code = ${next.code}, detail = ${next.detail}, outcome = coalesce(${next.outcome && JSON.stringify(next.outcome)}::jsonb, outcome)
        where id = ${alert.id} and run = ${alert.run} and attempts = ${alert.attempts} and status = 'received' returning 1
      ) select 1 from waiting`;
    return rows.length === 1;
  }
}
