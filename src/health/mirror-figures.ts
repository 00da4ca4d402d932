/** How far a mirror of an old system's files is, for operators; of the whole database. */
export interface MirrorFigures {
  id: string;
  place: string;
  shape: string;
  /** Numbers of the event log that it has not looked at; a number is not always an event. */
  behindEvents: number;
  /** Since when it may lack something; null: it was never whole. */
  behindSeconds: number | null;
  /** Since it last said anything. */
  silentSeconds: number;
  rowsWritten: number;
  error: string | null;
}

const FIGURES = `
  select m.id, m.place, m.shape, greatest((select coalesce(max(seq), 0) from events) - m.position, 0)::float8 as "behindEvents", greatest(extract(epoch from app_clock() - m.whole_as_of), 0)::float8 as "behindSeconds",
    greatest(extract(epoch from app_clock() - m.reported_at), 0)::float8 as "silentSeconds", m.rows_written::float8 as "rowsWritten", m.error
  from mirrors m order by m.place, m.id limit 100`;

/** @param query as node-postgres answers several statements at once */
export async function mirrorFigures(query: (text: string) => Promise<unknown>): Promise<MirrorFigures[]> {
  const results = (await query(`begin read only; set local statement_timeout = '500ms'; ${FIGURES}; commit`)) as { command: string; rows: MirrorFigures[] }[];
  const rows = results.find(({ command }) => command === 'SELECT')?.rows;
  if (!rows) throw new Error('the mirrors were not looked at');
  return rows;
}
