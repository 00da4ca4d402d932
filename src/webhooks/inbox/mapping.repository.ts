import { Injectable } from '@nestjs/common';
import { Statements } from '../../database/statements.js';
import type { Tx } from '../../database/transaction.js';
import type { Mapping } from '../mapping/declared-mapping.js';

/** An alert as it was stored, with what its source makes of it now. */
export interface UnmappedAlert {
  id: string; seq: number; run: number; source_id: string; body: Buffer; content_type: string | null; symbol: string; received_at: string; redriven_at: string | null;
  source_name: string; mapping: Mapping; symbols: Record<string, string>; action: 'store' | 'idea' | 'command'; executor_agent_id: string | null;
}

export interface MappedAlert {
  id: string;
  run: number;
  signal: unknown;
  isExit: boolean;
  symbol: string;
}

/** One instance maps at a time, so that what is mapped is always all that came before. First of two keys. */
const MAPPING_LOCK = 7_302;

const ANY_UNMAPPED = { name: 'alerts_unmapped', text: `select max(seq) as seq from (select seq from alerts where status = 'received' and is_exit is null order by seq limit 1) first` };

@Injectable()
export class MappingRepository {
  constructor(private readonly statements: Statements) {}

  async isAnyUnmapped(): Promise<boolean> {
    const [row] = await this.statements.run<{ seq: number | null }>(ANY_UNMAPPED, []);
    return row?.seq != null;
  }

  async alone(tx: Tx): Promise<void> {
    await tx.sql`select pg_advisory_xact_lock(${MAPPING_LOCK}::int, 0)`;
  }

  /** The last number that can be seen of what is not mapped. */
  async lastUnmapped(tx: Tx): Promise<number | null> {
    const [row] = await tx.sql<{ seq: number | null }[]>`select max(seq) as seq from alerts where status = 'received' and is_exit is null`;
    return row?.seq ?? null;
  }

  /**
   * Who may have drawn a number and not committed yet: drawing one takes a lock on the sequence, which is kept to the end of the
   * transaction. Empty: what was to come below the highest number that is seen is there.
   */
  async storing(tx: Tx): Promise<string[]> {
    const rows: { transaction: string }[] = await tx.sql`
      select virtualtransaction as transaction from pg_locks
      where locktype = 'relation' and database = (select oid from pg_database where datname = current_database()) and relation = pg_get_serial_sequence('alerts', 'seq')::regclass
        and granted and pid <> pg_backend_pid()`;
    return rows.map(({ transaction }) => transaction);
  }

  unmapped(tx: Tx, upTo: number, limit: number): Promise<UnmappedAlert[]> {
    return tx.sql`
      select a.id, a.seq, a.run, a.source_id, a.body, a.content_type, a.symbol, a.received_at, a.redriven_at, s.name as source_name, s.mapping, s.symbols, s.action, s.executor_agent_id
      from (select * from alerts where status = 'received' and is_exit is null and seq <= ${upTo} order by seq limit ${limit}) a join webhook_sources s on s.id = a.source_id
      order by a.seq`;
  }

  async map(tx: Tx, alerts: readonly MappedAlert[]): Promise<void> {
    if (alerts.length === 0) return;
    await tx.sql`
      update alerts a set signal = m.signal, is_exit = m."isExit", symbol = m.symbol
      from jsonb_to_recordset(${JSON.stringify(alerts)}::jsonb) as m (id uuid, run int, signal jsonb, "isExit" boolean, symbol text)
      where a.id = m.id and a.run = m.run and a.status = 'received'`;
  }
}
