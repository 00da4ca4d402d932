import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { PAGE_BYTES_MAX, type Sized } from '../common/page-bytes.js';
import { timeText } from '../database/answer-text.js';
import { leadOf } from '../database/newest-first.js';
import type { Run } from '../database/statements.js';
import { ArchivedTexts } from './archive/archived-texts.js';
import { ALL_STREAMS, type DecisionRow, type DecisionType, type FoundDecision, type HeadRow } from './decision.js';

/** A locked head, with what the next row is given: the time and its place among all. */
export interface LockedHead extends HeadRow {
  at: string;
  seq: number;
}

/** Whose event it is, and what a row does not say in a column. */
export interface Told {
  accountId: string | null;
  actor: string;
  correlationId: string | null;
  data: object;
}

export interface DecisionFilter {
  /** Null: of everybody. */
  agentId: string | null;
  stream?: string | undefined;
  type?: DecisionType | undefined;
  ideaId?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** Of a decision, as its text was sealed: `at` to the microsecond. */
export const DECISION_COLUMNS = `seq, ${timeText('at', 'us')} as at, stream, number, id, type, agent_id, idea_id, command_id, halt_id, key_id, canonical, hash`;
/** Of those in archives, with the place of their text. */
const HERE = `seq, at, stream, number, id, type, agent_id, idea_id, command_id, halt_id, key_id, canonical, hash, octet_length(canonical) as bytes, null::text as file, null::bigint as block_at, null::int as block_bytes`;
const ARCHIVED = `seq, at, stream, number, id, type, agent_id, idea_id, command_id, halt_id, key_id, null::text as canonical, hash, bytes, file, block_at, block_bytes`;
const FOUND = `${DECISION_COLUMNS}, file, block_at, block_bytes`;
const HEAD_COLUMNS = 'stream, count, head, mac, key_id';

/** The clock is read when the lock is there: beside the row it would be read before the wait. */
const LOCK = {
  name: 'decision_lock_1',
  text: `with head as materialized (select ${HEAD_COLUMNS} from decision_heads where stream = $1 for no key update)
    select head.*, ${timeText('app_clock()', 'us')} as at, nextval('decision_history_seq') as seq from head`,
};

const APPEND = {
  name: 'decision_append_1',
  text: `with made as (
      insert into decision_history (seq, at, stream, number, id, type, agent_id, idea_id, command_id, halt_id, key_id, canonical, hash)
      values ($1, $2::timestamptz, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ), moved as (
      update decision_heads set count = $4, head = $13, mac = $14, key_id = $11, moved_at = $2::timestamptz where stream = $3 returning 1
    ), told as (
      insert into events (type, subject_id, agent_id, account_id, data, actor, correlation_id)
      values ('decision.recorded', $5::uuid, $7::uuid, $15::uuid, $16::jsonb, $17, $18)
    ) select * from moved`,
};

/** Archives have no months to be passed over: which numbers those of the time have is told by the archives, so that no others are walked. */
const FIRST_SEQ = `(select r.seq from decision_archive_rows r where r.archive_id = m.id order by r.seq limit 1)`;

/** Columns with an index on (column, seq). */
const LEADS = ['idea_id', 'agent_id', 'stream', 'type'];

@Injectable()
export class DecisionsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly texts: ArchivedTexts,
  ) {}

  async lock(run: Run, stream: string): Promise<LockedHead | null> {
    const [head] = await run<LockedHead>(LOCK, [stream]);
    return head ?? null;
  }

  /** Makes the head of a stream that has none yet; whoever makes it at the same moment is waited for. Returns whether it was made here. */
  async open(run: Run, { stream, count, head, mac, key_id }: HeadRow): Promise<boolean> {
    const made = await run(
      { name: 'decision_open_1', text: `with made as (insert into decision_heads (${HEAD_COLUMNS}) values ($1, $2, $3, $4, $5) on conflict (stream) do nothing returning 1) select * from made` },
      [stream, count, head, mac, key_id],
    );
    return made.length > 0;
  }

  /** Moves a head on by one without a row: that of the count of streams. */
  async move(run: Run, { stream, count, head, mac, key_id }: HeadRow): Promise<void> {
    await run(
      { name: 'decision_move_1', text: `with moved as (update decision_heads set count = $2, head = $3, mac = $4, key_id = $5, moved_at = app_clock() where stream = $1 returning 1) select * from moved` },
      [stream, count, head, mac, key_id],
    );
  }

  /** The row, the head that has moved on, and the event. */
  async append(run: Run, row: DecisionRow, mac: string, told: Told): Promise<void> {
    const moved = await run(APPEND, [
      row.seq, row.at, row.stream, row.number, row.id, row.type, row.agent_id, row.idea_id, row.command_id, row.halt_id, row.key_id, row.canonical,
      row.hash, mac, told.accountId, JSON.stringify(told.data), told.actor, told.correlationId,
    ]);
    if (moved.length !== 1) throw new Error('the head of the stream is gone');
  }

  /** Places for so many in a stream that is locked, with the time that all of them get. */
  async reserve(run: Run, count: number): Promise<{ at: string; seqs: number[] }> {
    const rows = await run<{ seq: number; at: string }>({ name: 'decision_reserve_1', text: `select nextval('decision_history_seq') as seq, ${timeText('t.at', 'us')} as at from (select app_clock() as at) t, generate_series(1, $1::int)` }, [count]);
    return { at: rows[0]?.at ?? '', seqs: rows.map(({ seq }) => seq) };
  }

  /** Many rows of one stream, and its head after them. No event: they are not what happens now. */
  async appendMany(run: Run, rows: readonly DecisionRow[], head: HeadRow): Promise<void> {
    const moved = await run({
      name: 'decision_append_many_1',
      text: `with made as (
          insert into decision_history (seq, at, stream, number, id, type, agent_id, key_id, canonical, hash)
          select seq, at, $2, number, id, type, agent_id, key_id, canonical, hash
          from jsonb_to_recordset($1::jsonb) as d (seq bigint, at timestamptz, number bigint, id uuid, type text, agent_id uuid, key_id text, canonical text, hash text)
        ), moved as (
          update decision_heads set count = $3, head = $4, mac = $5, key_id = $6, moved_at = app_clock() where stream = $2 returning 1
        ) select * from moved`,
    }, [JSON.stringify(rows), head.stream, head.count, head.head, head.mac, head.key_id]);
    if (moved.length !== 1) throw new Error('the head of the stream is gone');
  }

  async get(id: string): Promise<DecisionRow | null> {
    const rows = await this.dataSource.sql<FoundDecision[]>`
      select ${() => FOUND} from (
        (select ${() => HERE} from decision_history where id = ${id}::uuid order by seq limit 1)
        union all (select ${() => ARCHIVED} from archived_decisions where id = ${id}::uuid order by seq limit 1)
      ) both_places order by both_places.seq limit 1`;
    const [row] = await this.texts.fill(rows);
    return row ?? null;
  }

  /** Newest first, up to the row that no longer fits into a page. One statement, so that what is just being moved into an archive is found once. */
  async list({ agentId, stream, type, ideaId, from, to }: DecisionFilter, limit: number, after: string | undefined): Promise<(DecisionRow & Sized)[]> {
    const lead = leadOf(LEADS, { idea_id: ideaId, agent_id: agentId, stream, type });
    // The times as bounds without an "or": so only the months between them are looked into.
    const rows = await this.dataSource.sql<(FoundDecision & Sized)[]>`
      select ${() => FOUND}, bytes_so_far from (
        select *, sum(bytes) over (order by seq desc)::int as bytes_so_far from (
          select * from (
            (select ${() => HERE} from decision_history
            where ${() => lead.column} = any(${lead.values})
              and (${lead.rest('agent_id')}::uuid is null or agent_id = ${lead.rest('agent_id')}::uuid)
              and (${lead.rest('stream')}::text is null or stream = ${lead.rest('stream')}::text)
              and (${lead.rest('type')}::text is null or type = ${lead.rest('type')}::text)
              and at >= coalesce(${from ?? null}::timestamptz, '-infinity') and at < coalesce(${to ?? null}::timestamptz, 'infinity')
              and seq < coalesce(${after ?? null}::bigint, 9223372036854775807)
            order by ${() => lead.order} seq desc limit ${limit + 1})
            union all
            (select ${() => ARCHIVED} from archived_decisions
            where ${() => lead.column} = any(${lead.values})
              and (${lead.rest('agent_id')}::uuid is null or agent_id = ${lead.rest('agent_id')}::uuid)
              and (${lead.rest('stream')}::text is null or stream = ${lead.rest('stream')}::text)
              and (${lead.rest('type')}::text is null or type = ${lead.rest('type')}::text)
              and at >= coalesce(${from ?? null}::timestamptz, '-infinity') and at < coalesce(${to ?? null}::timestamptz, 'infinity')
              and seq < coalesce(${after ?? null}::bigint, 9223372036854775807)
              and seq between (select coalesce(min(${() => FIRST_SEQ}), 9223372036854775807) from decision_archives m where m.dropped_at is not null and (m.month + interval '1 month') at time zone 'UTC' > coalesce(${from ?? null}::timestamptz, '-infinity'))
                and (select coalesce(max(m.last_seq), 0) from decision_archives m where m.dropped_at is not null and m.month::timestamp at time zone 'UTC' < coalesce(${to ?? null}::timestamptz, 'infinity'))
            order by ${() => lead.order} seq desc limit ${limit + 1})
          ) both_places order by seq desc limit ${limit + 1}
        ) page
      ) sized where bytes_so_far - bytes <= ${PAGE_BYTES_MAX} order by sized.seq desc`;
    return this.texts.fill(rows);
  }

  /** The next rows of a stream and its head, as they stood at one moment. */
  async page(stream: string, afterSeq: number, limit: number): Promise<{ rows: DecisionRow[]; head: HeadRow | null }> {
    const found = await this.dataSource.sql<({ head: HeadRow | null } & FoundDecision)[]>`
      select (select to_jsonb(h) from decision_heads h where h.stream = ${stream}) as head, page.*
      from (values (1)) one left join lateral (
        select ${() => FOUND} from (
          (select ${() => HERE} from decision_history where stream = ${stream} and seq > ${afterSeq} order by decision_history.seq limit ${limit})
          union all (select ${() => ARCHIVED} from archived_decisions where stream = any(array[${stream}]) and seq > ${afterSeq} order by archived_decisions.stream, archived_decisions.seq limit ${limit})
        ) both_places order by both_places.seq limit ${limit}
      ) page on true order by page.seq`;
    return { head: found[0]?.head ?? null, rows: await this.texts.fill(found.filter(({ seq }) => (seq as number | null) !== null)) };
  }

  /** The next stream by name, whether it has rows, a head or both. */
  async streamAfter(stream: string): Promise<string | null> {
    const [row] = await this.dataSource.sql<{ next: string | null }[]>`
      select least((select min(stream) from decision_heads where stream > ${stream} and stream <> ${ALL_STREAMS}),
        (select min(stream) from decision_history where stream > ${stream}), (select min(stream) from decision_archive_rows where stream > ${stream})) as next`;
    return row?.next ?? null;
  }

  /** The row that counts the streams, with how many there are. */
  async directory(): Promise<{ head: HeadRow | null; streams: number }> {
    const [row] = await this.dataSource.sql<{ head: HeadRow | null; streams: number }[]>`
      select (select to_jsonb(h) from decision_heads h where stream = ${ALL_STREAMS}) as head,
        (select count(*)::int from decision_heads where stream <> ${ALL_STREAMS}) as streams`;
    return row ?? { head: null, streams: 0 };
  }

  /** Heads that moved since this schedule ended last, and a minute before, since what moved them may have been committed later. */
  movedSince(schedule: string): Promise<HeadRow[]> {
    return this.dataSource.sql`
      select ${() => HEAD_COLUMNS} from decision_heads
      where moved_at >= coalesce((select last_finished_at from schedules where name = ${schedule}) - interval '1 minute', '-infinity') and stream <> ${ALL_STREAMS}
      order by stream`;
  }
}
