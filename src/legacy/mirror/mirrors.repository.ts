import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transaction.js';

export interface MirrorReport {
  id: string;
  place: string;
  shape: string;
  /** Of the event log. */
  position: number;
  /** How long ago it had everything; null: it never had, since this place was begun. */
  behindSeconds: number | null;
  rowsWritten: number;
  error: string | null;
}

@Injectable()
export class MirrorsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** All that a mirror writes of itself, every few seconds. What was whole once stays so while it cannot tell. */
  async report({ id, place, shape, position, behindSeconds, rowsWritten, error }: MirrorReport): Promise<void> {
    await this.dataSource.sql`
      insert into mirrors as m (id, place, shape, position, whole_as_of, rows_written, error)
      values (${id}, ${place}, ${shape}, ${position}, app_clock() - make_interval(secs => ${behindSeconds}::float8), ${rowsWritten}, ${error})
      on conflict (id) do update set place = excluded.place, shape = excluded.shape, position = excluded.position, whole_as_of = coalesce(excluded.whole_as_of, m.whole_as_of),
        rows_written = excluded.rows_written, error = excluded.error, reported_at = app_clock()`;
  }

  /** For a mirror that is no more: false where there is none. */
  async forget(id: string): Promise<boolean> {
    const rows: unknown[] = await this.dataSource.sql`with gone as (delete from mirrors where id = ${id} returning 1) select * from gone`;
    return rows.length > 0;
  }

  /** Not whole for so long, by its own word or because it says nothing any more. */
  behind(tx: Tx, seconds: number): Promise<{ id: string; place: string; behind_seconds: number | null; error: string | null; silent_seconds: number }[]> {
    return tx.sql`
      select id, place, floor(extract(epoch from app_clock() - whole_as_of))::int as behind_seconds, error, floor(extract(epoch from app_clock() - reported_at))::int as silent_seconds
      from mirrors where coalesce(whole_as_of, started_at) < app_clock() - make_interval(secs => ${seconds}) order by id`;
  }
}
