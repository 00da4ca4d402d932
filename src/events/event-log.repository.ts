import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** A row of the log. `data` is the JSON text as PostgreSQL writes it: on one line, and with every digit. */
export interface EventRow {
  seq: number; at: string;
  /** The same time in microseconds since 1970: what tells this row from one that got its number in another history. */
  at_us: number;
  type: string; agent_id: string | null; account_id: string | null; subject_id: string | null;
  actor: string; correlation_id: string | null; data: string;
}

/** A place in the log: the row after which a reader goes on. Number 0 is before the first. */
export interface EventPosition {
  seq: number;
  atUs: number;
}

export interface EventPage {
  rows: EventRow[];
  /** There are more than were read. */
  more: boolean;
}

/** What a reader wants to see of the log. No types at all means all of them. */
export interface EventFilter {
  agentId: string | null;
  types: readonly string[];
  /** What stands before the point of a type: `command` for `command.created`. */
  subjects: readonly string[];
}

/** A transaction that may yet commit a row. */
export interface EventWriter {
  id: string;
  /** Null for a prepared transaction. */
  pid: number | null;
}

const PAGE_ROWS = 250;
/** A page ends before this much data, but for its first row: what is read at once must fit into what a slow reader may owe. */
const PAGE_BYTES = 131_072;
/** A reader that picks rare events looks through so many numbers at a time: 10 ms of the database's, not a scan of the whole log. */
const REPLAY_NUMBERS = 50_000;
const DAY_MS = 86_400_000;

/** For rows that have been picked: where the planner sorts, it made text of the data of all rows first, 330 ms for a page of large ones. */
const COLUMNS = `seq, at, (extract(epoch from at) * 1000000)::bigint as at_us, type, agent_id, account_id, subject_id, actor, correlation_id, data::text as data`;

/** Such rows of `events_page` as fit, with the number of those there were. */
const FITTING = `
  select * from (
    select p.*, count(*) over ()::int as found, sum(octet_length(data)) over (order by seq) - octet_length(data) as bytes_before from events_page p
  ) sized where bytes_before < ${PAGE_BYTES} order by seq`;

/** Inserting through the parent locks the parent and the month; the owner may insert into a month, which locks that alone. */
const WRITERS = `
  locktype = 'relation' and mode = 'RowExclusiveLock' and granted
  and database = (select oid from pg_database where datname = current_database())
  and relation in (select 'events'::regclass::oid union all select inhrelid from pg_inherits where inhparent = 'events'::regclass)`;

type Found = EventRow & { found: number };

/** As `timestamptz` reads it, to the microsecond. */
const instantOf = (us: number) => new Date(Math.floor(us / 1000)).toISOString().replace('Z', `${String(us % 1000).padStart(3, '0')}Z`);

/** A day before this time or the present: a row that was stored while the clock ran ahead does not hide those after it. */
const dayBefore = (us: number) => new Date(Math.min(Math.floor(us / 1000), Date.now()) - DAY_MS).toISOString();

/** Reads the event log and who is writing to it. In which order rows may be shown is for `EventFeed` to say. */
@Injectable()
export class EventLog {
  /** Rows that are asked for at once: twice as many as fitted last, so that little is read of large rows only to be left out. */
  private limit = PAGE_ROWS;

  constructor(private readonly dataSource: DataSource) {}

  /**
   * The rows after this number, in order; unless all months are asked for, only in months that end later than a day
   * before the position. With 83 months, looking into all takes 6 ms, into the present and the 12 ahead 0.6.
   */
  async after({ seq, atUs }: EventPosition, allMonths: boolean): Promise<EventPage> {
    const since = allMonths ? '-infinity' : dayBefore(atUs);
    const { limit } = this;
    return this.pageOf(limit, await this.dataSource.sql<Found[]>`
      with events_page as materialized (
        select ${() => COLUMNS} from (select * from events where seq > ${seq} and at >= ${since}::timestamptz order by seq limit ${limit}) page
      ) ${() => FITTING}`);
  }

  /**
   * What this reader wants of the numbers up to `to`, for one that comes from further back. In all months: here no
   * missing number would tell of a row that was overlooked.
   * @param from the last row it has: when that is gone, what followed it may be gone too
   * @param done how far the numbers have been looked through
   * @returns null when the row is gone; `done` is how far they have been now
   */
  async replay(from: EventPosition, done: number, to: number, filter: EventFilter): Promise<{ rows: EventRow[]; done: number } | null> {
    const { limit } = this;
    const reach = Math.min(done + REPLAY_NUMBERS, to);
    const all = filter.types.length + filter.subjects.length === 0;
    const found = await this.dataSource.sql<({ there: boolean } & (Found | { seq: null }))[]>`
      with events_page as materialized (
        select ${() => COLUMNS} from (
          select * from events where seq > ${done} and seq <= ${reach}
            and (${filter.agentId}::uuid is null or agent_id = ${filter.agentId}::uuid)
            and (${all}::boolean or type = any(${filter.types}::text[]) or split_part(type, '.', 1) = any(${filter.subjects}::text[]))
          order by seq limit ${limit}
        ) page
      ), fitting as (${() => FITTING})
      select there.*, f.* from (select ${from.seq === 0}::boolean or exists (select 1 from events where seq = ${from.seq} and at = ${instantOf(from.atUs)}::timestamptz) as there) there
      left join fitting f on true order by f.seq`;
    if (!found[0]?.there) return null;
    const { rows, more } = this.pageOf(limit, found.filter((row): row is { there: boolean } & Found => row.seq !== null));
    return { rows, done: more ? (rows.at(-1)?.seq ?? reach) : reach };
  }

  private pageOf(limit: number, rows: Found[]): EventPage {
    const found = rows[0]?.found ?? 0;
    this.limit = found > rows.length ? Math.max(rows.length * 2, 4) : Math.min(limit * 2, PAGE_ROWS);
    return { rows, more: found === limit || found > rows.length };
  }

  /** Whether this row is there: of this history, and not removed. */
  async knows({ seq, atUs }: EventPosition): Promise<boolean> {
    if (seq === 0) return true;
    const found: unknown[] = await this.dataSource.sql`select 1 from events where seq = ${seq} and at = ${instantOf(atUs)}::timestamptz`;
    return found.length > 0;
  }

  /** The committed row with the highest number. Lower numbers may yet be committed. */
  async newest(): Promise<EventPosition> {
    const [row] = await this.dataSource.sql<{ seq: number; at_us: number }[]>`
      select seq, (extract(epoch from at) * 1000000)::bigint as at_us from events order by seq desc limit 1`;
    return { seq: row?.seq ?? 0, atUs: row?.at_us ?? 0 };
  }

  /**
   * Everyone who holds the lock that every insert takes before it draws its number, and keeps until its end. So a
   * number that is missing below one that was seen before this was asked is theirs, or nobody's.
   */
  writers(): Promise<EventWriter[]> {
    return this.dataSource.sql`select distinct virtualtransaction as id, pid from pg_locks where ${() => WRITERS} order by 1`;
  }

  /** Those of them who have not ended yet, and whether the row with this number has come meanwhile. */
  async stillWriting(writers: readonly EventWriter[], { seq, atUs }: EventPosition): Promise<{ writers: EventWriter[]; nextIsThere: boolean }> {
    const ids = writers.map(({ id }) => id);
    const rows = await this.dataSource.sql<{ next: boolean; id: string | null; pid: number | null }[]>`
      select next.*, w.* from (select exists (select 1 from events where seq = ${seq + 1} and at >= ${dayBefore(atUs)}::timestamptz) as next) next
      left join (select distinct virtualtransaction as id, pid from pg_locks where ${() => WRITERS} and virtualtransaction = any(${ids}::text[])) w on true`;
    return { writers: rows.flatMap(({ id, pid }) => (id === null ? [] : [{ id, pid }])), nextIsThere: rows[0]?.next ?? false };
  }
}
