import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Merged } from '../database/merged.js';
import { type Run, type Statement, Statements } from '../database/statements.js';
import type { MarkBody } from './marks.schemas.js';

export interface MarkRow {
  /** Milliseconds since 1970: a trade has one mark of a moment. */
  seq: number;
  quoted_at: string;
  bid: string;
  ask: string;
  floating_profit: string | null;
  probability: string | null;
  momentum: string | null;
  source_time: string | null;
  recorded_at: string;
}

/** Marks of one request: all or none. */
export interface SentMarks {
  /** Null: a person sends them. */
  agentId: string | null;
  marks: readonly (MarkBody & { tradeId: string })[];
}

export type TakenMark = 'stored' | 'known' | 'missing' | 'foreign';

const TAKEN: Record<string, TakenMark> = { s: 'stored', k: 'known', m: 'missing', f: 'foreign' };

/** From here on a request is a statement of its own: joining others saves nothing any more, and makes them wait. */
const MERGED_MOST = 50;

/**
 * One statement for the marks of many requests. Trades are locked in the order of their ids and read under the lock, so
 * that the window of a trade does not move while its marks are put into it. A trade is written only when a mark inside
 * its window is higher or lower than all before. The series says nothing but that there may be many: of arrays alone the
 * planner expects ten rows, and compares each with each: 500 trades took three times as long and more.
 */
const TAKE: Statement = {
  name: 'trade_marks',
  text: `
    with asked as materialized (
      select * from rows from (unnest($1::int[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::numeric[], $6::numeric[], $7::numeric[], $8::numeric[], $9::numeric[],
        $10::timestamptz[]), generate_series(1, cardinality($1::int[]))) with ordinality as q (g, agent, trade, at, bid, ask, profit, probability, momentum, source, i, n)
    ), locked as materialized (
      select t.id, t.agent_id, t.direction, t.entry_time, case when t.status = 'closed' then t.exit_time end as exit_time, t.mark_high, t.mark_low
      from trades t where t.id in (select trade from asked) order by t.id for no key update
    ), judged as materialized (
      select q.*, case when l.id is null then 'm' when q.agent <> l.agent_id then 'f' end as fault from asked q left join locked l on l.id = q.trade
    ), allowed as materialized (
      select * from judged where g not in (select g from judged where fault is not null)
    ), stored as (
      insert into trade_marks (trade_id, quoted_at, bid, ask, floating_profit, probability, momentum, source_time, recorded_at)
      select trade, at, bid, ask, profit, probability, momentum, source, clock.at_once from allowed, (select app_clock() as at_once offset 0) clock order by trade, at, n
      on conflict (trade_id, quoted_at) do nothing returning trade_id, quoted_at, bid, ask
    ), inside as (
      select l.id, s.quoted_at, case l.direction when 'long' then s.bid else s.ask end as price
      from stored s join locked l on l.id = s.trade_id where s.quoted_at >= l.entry_time and (l.exit_time is null or s.quoted_at <= l.exit_time)
    ), highest as (select distinct on (id) * from inside order by id, price desc, quoted_at),
    lowest as (select distinct on (id) * from inside order by id, price, quoted_at), marked as (
      update trades t set
        mark_high = greatest(l.mark_high, h.price), mark_high_at = case when l.mark_high >= h.price then t.mark_high_at else h.quoted_at end,
        mark_low = least(l.mark_low, w.price), mark_low_at = case when l.mark_low <= w.price then t.mark_low_at else w.quoted_at end
      from locked l join highest h on h.id = l.id join lowest w on w.id = l.id
      where t.id = l.id and (l.mark_high is null or h.price > l.mark_high or w.price < l.mark_low)
    )
    select string_agg(coalesce(j.fault, case when s.trade_id is null then 'k' else 's' end), '' order by j.n) as taken
    from judged j left join stored s on s.trade_id = j.trade and s.quoted_at = j.at`,
};

@Injectable()
export class MarksRepository {
  private readonly merged = new Merged((asks: readonly SentMarks[]) => this.takeAll(this.statements.run, asks), { keyOf: () => randomUUID() });

  constructor(
    private readonly dataSource: DataSource,
    private readonly statements: Statements,
  ) {}

  /** What became of each; with one that is missing or foreign, none was stored. */
  async take(sent: SentMarks): Promise<TakenMark[]> {
    if (sent.marks.length <= MERGED_MOST) return this.merged.do(sent);
    const [taken = []] = await this.takeAll(this.statements.run, [sent]);
    return taken;
  }

  /** Each of these by itself, as part of a transaction. */
  takeWithin(run: Run, asks: readonly SentMarks[]): Promise<TakenMark[][]> {
    return this.takeAll(run, asks);
  }

  private async takeAll(run: Run, asks: readonly SentMarks[]): Promise<TakenMark[][]> {
    const marks = asks.flatMap(({ agentId, marks: sent }, g) => sent.map((mark) => ({ ...mark, g, agentId })));
    const column = (of: (mark: (typeof marks)[number]) => unknown) => marks.map(of);
    const [row] = await run<{ taken: string }>(TAKE, [
      column(({ g }) => g), column(({ agentId }) => agentId), column(({ tradeId }) => tradeId), column(({ quotedAt }) => quotedAt), column(({ bid }) => bid),
      column(({ ask }) => ask), column(({ floatingProfit }) => floatingProfit ?? null), column(({ probability }) => probability ?? null),
      column(({ momentum }) => momentum ?? null), column(({ sourceTime }) => sourceTime ?? null),
    ]);
    const taken: TakenMark[][] = asks.map(() => []);
    const stored = new Set<string>();
    marks.forEach(({ g, tradeId, quotedAt }, n) => {
      const became = TAKEN[row?.taken[n] ?? ''];
      if (!became) throw new Error('a mark was sent and not answered');
      // Of two of one moment in the statement the first was stored.
      const isFirst = became !== 'stored' || stored.size < stored.add(`${tradeId} ${quotedAt}`).size;
      taken[g]?.push(isFirst ? became : 'known');
    });
    return taken;
  }

  /** Newest first. Text for the planner, so that only the months of the window are planned and locked. */
  list(tradeId: string, { from = null, to = null }: { from?: string | null; to?: string | null }, limit: number, after: string | undefined): Promise<MarkRow[]> {
    const before = after === undefined ? null : new Date(Number(after)).toISOString();
    const end = before !== null && (to === null || before < to) ? before : to;
    const bounds = [...(from === null ? [] : [['>=', from]]), ...(end === null ? [] : [['<', end]])];
    return this.dataSource.query(
      `select (extract(epoch from quoted_at) * 1000)::bigint as seq, quoted_at, bid, ask, floating_profit, probability, momentum, source_time, recorded_at
       from trade_marks where trade_id = $1 ${bounds.map(([operator], n) => `and quoted_at ${operator} $${n + 3}::timestamptz`).join(' ')}
       order by quoted_at desc limit $2`,
      [tradeId, limit + 1, ...bounds.map(([, value]) => value)],
    );
  }
}
