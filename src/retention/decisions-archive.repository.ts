import type { BlockPlace } from '../decisions/archive/archive-file.js';
import { ARCHIVE_COLUMNS, type ArchiveRow } from '../decisions/archive/archives.repository.js';
import type { DecisionRow } from '../decisions/decision.js';
import { DECISION_COLUMNS } from '../decisions/decisions.repository.js';
import type { Place } from '../decisions/stream-check.js';
import type { Query } from './session.js';

/** The next decisions of a month, as `decisions.repository` reads them. */
export const decisionsOfMonth = (query: Query, month: string, afterSeq: number, limit: number): Promise<DecisionRow[]> =>
  query<DecisionRow>(
    `select ${DECISION_COLUMNS} from decision_history
     where at >= $1::date::timestamp at time zone 'UTC' and at < ($1::date + interval '1 month')::timestamp at time zone 'UTC' and seq > $2 order by decision_history.seq limit $3`,
    [month, afterSeq, limit],
  );

/** Archives of a month that nothing relies on: the decisions stand in the table. */
export const unused = (query: Query, month: string): Promise<ArchiveRow[]> =>
  query<ArchiveRow>(`select ${ARCHIVE_COLUMNS} from decision_archives where month = $1::date and dropped_at is null order by id`, [month]);

/** False: it is all that is left of its month by now, or somebody else has forgotten it. */
export async function forget(query: Query, id: string): Promise<boolean> {
  return (await query(`delete from decision_archives where id = $1::uuid and dropped_at is null returning 1`, [id])).length > 0;
}

export async function addArchive(query: Query, { id, month, file, bytes, sha256, decisions, last_seq, digest }: ArchiveRow): Promise<void> {
  await query(`insert into decision_archives (id, month, file, bytes, sha256, decisions, last_seq, digest) values ($1::uuid, $2::date, $3, $4, $5, $6, $7, $8)`, [id, month, file, bytes, sha256, decisions, last_seq, digest]);
}

export async function addRows(query: Query, archiveId: string, rows: readonly DecisionRow[], { block_at, block_bytes }: BlockPlace): Promise<void> {
  if (rows.length === 0) return;
  const slim = rows.map(({ canonical, ...row }) => ({ ...row, bytes: Buffer.byteLength(canonical) }));
  await query(
    `insert into decision_archive_rows (archive_id, seq, at, stream, number, id, type, agent_id, idea_id, command_id, halt_id, key_id, hash, bytes, block_at, block_bytes)
     select $1::uuid, seq, at, stream, number, id, type, agent_id, idea_id, command_id, halt_id, key_id, hash, bytes, $3, $4
     from jsonb_to_recordset($2::jsonb) as d (seq bigint, at timestamptz, stream text, number bigint, id uuid, type text, agent_id uuid, idea_id uuid, command_id uuid, halt_id uuid, key_id text, hash text, bytes int)`,
    [archiveId, JSON.stringify(slim), block_at, block_bytes],
  );
}

export async function markVerified(query: Query, id: string): Promise<void> {
  await query(`update decision_archives set verified_at = app_clock() where id = $1::uuid`, [id]);
}

/** Where a stream stood before a row, wherever the one before is now. */
export async function predecessor(query: Query, { stream, number, seq }: DecisionRow): Promise<Place | null> {
  const [row] = await query<Place>(
    `select seq, number, hash, key_id as key from (
       (select seq, number, hash, key_id from decision_history where stream = $1 and seq < $3 and number = $2 order by seq desc limit 1)
       union all (select seq, number, hash, key_id from archived_decisions where stream = $1 and seq < $3 and number = $2 order by seq desc limit 1)
     ) d order by d.seq limit 1`,
    [stream, number - 1, seq],
  );
  return row ?? null;
}
