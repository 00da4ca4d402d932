import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

export const RUN_STATUSES = ['running', 'finished', 'failed', 'rolled_back'] as const;

export interface RunRow {
  id: string; seq: number; source: string; system: string; shape: string; file_name: string; sha256: string; options: Record<string, unknown>; status: (typeof RUN_STATUSES)[number];
  tables: Record<string, unknown>[]; sums: Record<string, unknown>; notes: Record<string, number>; secrets: { table: string; column: string; count: number }[]; proof: Record<string, unknown> | null;
  error: { code: string; message: string } | null; actor: string; app_version: string; started_at: string; finished_at: string | null; rolled_back_at: string | null; rolled_back_by: string | null; rejects: number;
}

export interface RejectRow {
  seq: number; table_name: string; old_id: string; code: string; column_name: string | null; detail: string; original: unknown;
}

export interface NoteRow {
  table: string; oldId: string;
  /** `CODE: sentence` */
  note: string;
}

export interface RunFilter {
  source?: string | undefined;
  status?: RunRow['status'] | undefined;
}

const REJECTS = '(select count(*)::int from import_rejects j where j.run_id = r.id) as rejects';

@Injectable()
export class ImportsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Newest first. */
  list({ source = undefined, status = undefined }: RunFilter, limit: number, before: string | undefined): Promise<RunRow[]> {
    return this.dataSource.sql`
      select r.*, ${() => REJECTS} from import_runs r
      where (${source ?? null}::text is null or source = ${source ?? null}::text) and (${status ?? null}::text is null or status = ${status ?? null}::text)
        and (${before ?? null}::bigint is null or r.seq < ${before ?? null}::bigint)
      order by r.seq desc limit ${limit + 1}`;
  }

  async byId(id: string): Promise<RunRow | null> {
    const [row] = await this.dataSource.sql<RunRow[]>`select r.*, ${() => REJECTS} from import_runs r where id = ${id}`;
    return row ?? null;
  }

  /** What was said of rows that were read otherwise than they stood, by table and old id. @param code all of them by default */
  notes(runId: string, code: string | null, after: NoteRow | null, limit: number): Promise<NoteRow[]> {
    return this.dataSource.sql`
      select i.name as "table", n.old_id as "oldId", said.note from import_runs r
      join lateral (select table_id, old_id, notes from import_rows where run_seq = r.seq union all select table_id, old_id, notes from import_archive where run_seq = r.seq) n on n.notes is not null
      join import_tables i on i.id = n.table_id cross join lateral unnest(n.notes) said (note)
      where r.id = ${runId} and (${code}::text is null or said.note = ${code} or starts_with(said.note, ${code} || ': ')) and (i.name, n.old_id, said.note) > (${after?.table ?? ''}, ${after?.oldId ?? ''}, ${after?.note ?? ''})
      order by i.name, n.old_id, said.note limit ${limit}`;
  }

  /** In the order in which they were found. */
  rejects(runId: string, limit: number, after: string | undefined): Promise<RejectRow[]> {
    return this.dataSource.sql`select seq, table_name, old_id, code, column_name, detail, original from import_rejects where run_id = ${runId} and seq > ${after ?? 0}::bigint order by import_rejects.seq limit ${limit + 1}`;
  }
}
