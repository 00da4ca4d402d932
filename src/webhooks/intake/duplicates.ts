import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Merged } from '../../database/merged.js';
import { type Statement, Statements } from '../../database/statements.js';

/** Duplicates of one key that go into one statement. */
interface Count {
  sourceId: string;
  key: string;
  times: number;
  /** Of the first, once the statement has run; null when the key is gone. */
  first: Promise<string | null>;
}

interface Counted {
  n: number;
  alert_id: string;
  counted: boolean;
}

/** The rest is said later: who holds an alert is working through it, which may take longer than a sender waits. */
const COUNT = (asked: string) => `
  free as materialized (
    select a.id, f.times from (select alert_id, sum(times)::int as times from ${asked} group by 1) f join alerts a on a.id = f.alert_id
    order by a.id for no key update of a skip locked
  ), counted as (
    update alerts a set duplicate_count = a.duplicate_count + free.times, last_duplicate_at = app_clock() from free where a.id = free.id returning a.id
  )`;

const FIND_AND_COUNT: Statement = {
  name: 'alert_duplicates',
  text: `
    with found as materialized (
      select q.n, q.times, k.alert_id from jsonb_to_recordset($1::jsonb) as q (n int, source uuid, key text, times int)
      join alert_keys k on k.source_id = q.source and k.key = q.key
    ), ${COUNT('found')}
    select f.n, f.alert_id, c.id is not null as counted from found f left join counted c on c.id = f.alert_id`,
};

const COUNT_LATER: Statement = {
  name: 'alert_duplicates_later',
  text: `
    with asked as materialized (select q.alert_id, q.times from jsonb_to_recordset($1::jsonb) as q (alert_id uuid, times int)), ${COUNT('asked')}
    select id as alert_id from counted`,
};

const AGAIN_MS = 250;

/** Counts duplicates on the first of them. Their senders are told its id at once; the count follows when nobody holds the row. */
@Injectable()
export class Duplicates implements OnModuleDestroy {
  private readonly open = new Map<string, Count>();
  private readonly later = new Map<string, number>();
  private timer: NodeJS.Timeout | null = null;
  private readonly counts = new Merged((counts: readonly Count[]) => this.take(counts), { keyOf: ({ sourceId, key }) => `${sourceId} ${key}` });

  constructor(private readonly statements: Statements) {}

  async onModuleDestroy(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.later.size > 0) await this.countLater().catch(() => undefined);
  }

  /** One more. Answers the id of the first, or null when the key has been forgotten meanwhile. */
  add(sourceId: string, key: string): Promise<string | null> {
    const name = `${sourceId} ${key}`;
    const count = this.open.get(name) ?? this.begin(name, sourceId, key);
    count.times += 1;
    return count.first;
  }

  private begin(name: string, sourceId: string, key: string): Count {
    const count: Count = { sourceId, key, times: 0, first: Promise.resolve(null) };
    this.open.set(name, count);
    count.first = this.counts.do(count);
    return count;
  }

  private async take(counts: readonly Count[]): Promise<(string | null)[]> {
    // A statement that is tried again takes what it took before; who came meanwhile waits for the next.
    for (const count of counts) {
      const name = `${count.sourceId} ${count.key}`;
      if (this.open.get(name) === count) this.open.delete(name);
    }
    const asked = counts.map(({ sourceId, key, times }, n) => ({ n, source: sourceId, key, times }));
    const firsts: (string | null)[] = counts.map(() => null);
    for (const { n, alert_id, counted } of await this.statements.run<Counted>(FIND_AND_COUNT, [JSON.stringify(asked)])) {
      firsts[n] = alert_id;
      if (!counted) this.postpone(alert_id, asked[n]?.times ?? 0);
    }
    return firsts;
  }

  private postpone(alertId: string, times: number): void {
    this.later.set(alertId, (this.later.get(alertId) ?? 0) + times);
    this.timer ??= setTimeout(() => void this.again(), AGAIN_MS).unref();
  }

  private async again(): Promise<void> {
    // Away from the database, they are counted when it is back.
    await this.countLater().catch(() => undefined);
    this.timer = this.later.size > 0 ? setTimeout(() => void this.again(), AGAIN_MS).unref() : null;
  }

  private async countLater(): Promise<void> {
    const asked = [...this.later].map(([alert_id, times]) => ({ alert_id, times }));
    const rows = await this.statements.run<{ alert_id: string }>(COUNT_LATER, [JSON.stringify(asked)]);
    const counted = new Set(rows.map((row) => row.alert_id));
    for (const { alert_id, times } of asked) {
      if (!counted.has(alert_id)) continue;
      const left = (this.later.get(alert_id) ?? 0) - times;
      if (left > 0) this.later.set(alert_id, left);
      else this.later.delete(alert_id);
    }
  }
}
