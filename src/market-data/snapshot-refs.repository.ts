import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import type { AnyKind, SnapshotRow } from './snapshot-kind.js';
import type { RefContent } from './snapshot-refs.schemas.js';

export interface SnapshotRefRow {
  id: string;
  agent_id: string | null;
  content: RefContent;
  created_at: string;
}

export interface NamedSnapshot {
  /** Its place in the request. */
  n: number;
  id: string;
  /** Null: the present one. */
  revision: number | null;
  /** The time that its id says. */
  at: string;
}

@Injectable()
export class SnapshotRefsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** The snapshots as they were in the revision named, also when they were corrected since; those that are not there are left out. */
  find(tx: Tx, kind: AnyKind, named: NamedSnapshot[], ownerId: string | null): Promise<(SnapshotRow & { n: number })[]> {
    const times = named.map(({ at }) => at).sort();
    const { table, time } = kind;
    return tx.query(
      `select q.n, found.* from jsonb_to_recordset($1::jsonb) as q (n int, id uuid, revision int, at timestamptz) cross join lateral (
         select s.* from ${table} s
         where s.${time} between $2::timestamptz and $3::timestamptz and s.${time} = q.at and s.id = q.id and (q.revision is null or s.revision = q.revision)
         union all
         select old.* from snapshot_revisions r, jsonb_populate_record(null::${table}, r.figures) old
         where r.at between $2::timestamptz and $3::timestamptz and r.at = q.at and r.snapshot_id = q.id and r.revision = q.revision
       ) found
       where $4::uuid is null or found.agent_id = $4::uuid`,
      [JSON.stringify(named), times[0], times.at(-1), ownerId],
    );
  }

  async insert(tx: Tx, ref: { id: string; agentId: string | null; actor: string; content: RefContent }): Promise<SnapshotRefRow> {
    const [row] = await tx.sql<SnapshotRefRow[]>`
      with made as (
        insert into snapshot_refs (id, agent_id, actor, content) values (${ref.id}, ${ref.agentId}, ${ref.actor}, ${JSON.stringify(ref.content)}::jsonb)
        returning id, agent_id, content, created_at
      ) select * from made`;
    if (!row) throw new Error('the reference was not stored');
    return row;
  }

  async get(id: string): Promise<SnapshotRefRow | null> {
    const [row] = await this.dataSource.sql<SnapshotRefRow[]>`select id, agent_id, content, created_at from snapshot_refs where id = ${id}`;
    return row ?? null;
  }
}
