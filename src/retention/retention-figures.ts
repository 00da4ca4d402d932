/** What retention did, for operators; of the whole database. */
import { timeText } from '../database/answer-text.js';
export interface RetentionFigures {
  /** Null: none ended yet. */
  lastRun: { asOf: string; status: 'running' | 'finished' | 'failed'; startedAt: string; finishedAt: string | null; error: string | null; held: { table: string; month: string; why: string }[] } | null;
  lastSuccessAt: string | null;
  /** Rows ever removed. */
  removed: { table: string; rows: number; lastAt: string }[];
  archives: { files: number; decisions: number; bytes: number };
}


const FIGURES = `
  select jsonb_build_object(
    'lastRun', (select jsonb_build_object('asOf', ${timeText('r.as_of')}, 'status', r.status, 'startedAt', ${timeText('r.started_at')}, 'finishedAt', ${timeText('r.finished_at')}, 'error', r.error,
        'held', (select coalesce(jsonb_agg(h.value || jsonb_build_object('table', t.value -> 'table') order by t.value ->> 'table', h.value ->> 'month'), '[]') from jsonb_array_elements(r.tables) t, jsonb_array_elements(t.value -> 'held') h))
      from retention_runs r order by r.seq desc limit 1),
    'lastSuccessAt', (select ${timeText('max(finished_at)')} from retention_runs where status = 'finished'),
    'removed', (select coalesce(jsonb_agg(jsonb_build_object('table', table_name, 'rows', rows_removed, 'lastAt', ${timeText('last_removed_at')}) order by table_name), '[]') from retention_totals),
    'archives', (select jsonb_build_object('files', count(*), 'decisions', coalesce(sum(decisions), 0), 'bytes', coalesce(sum(bytes), 0)) from decision_archives where dropped_at is not null)
  ) as figures`;

/** @param query as node-postgres answers several statements at once */
export async function retentionFigures(query: (text: string) => Promise<unknown>): Promise<RetentionFigures> {
  const results = (await query(`begin read only; set local statement_timeout = '500ms'; ${FIGURES}; commit`)) as { command: string; rows: { figures: RetentionFigures }[] }[];
  const figures = results.find(({ command }) => command === 'SELECT')?.rows[0]?.figures;
  if (!figures) throw new Error('the runs of retention were not looked at');
  return figures;
}
