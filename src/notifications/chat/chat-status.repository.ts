import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { scopeName } from '../../halts/scope-name.js';
import { OFFLINE_AFTER_SECONDS } from '../../agents/liveness.js';
import type { Tx } from '../../database/transaction.js';
import type { Severity } from '../../incidents/incident-kinds.js';

export interface OpenIncident {
  seq: number;
  kind: string;
  severity: Severity;
  summary: string;
  acknowledged: boolean;
}

export interface ChatStatus {
  halts: { scope: string; name: string | null; mode: string; reason: string }[];
  breakers: { name: string; scope: string; state: string }[];
  agents: { name: string; mode: string; state: string }[];
  incidents: OpenIncident[];
}

const IN_FORCE = `h.released_at is null and (h.expires_at is null or h.expires_at > app_clock())`;

/** What somebody asks for who has nothing but a phone. */
@Injectable()
export class ChatStatusRepository {
  constructor(private readonly dataSource: DataSource) {}

  async status(): Promise<ChatStatus> {
    const [halts, breakers, agents, incidents] = await Promise.all([
      this.dataSource.sql<ChatStatus['halts']>`
        select h.scope_type as scope, h.mode, h.reason, ${() => scopeName('h.scope_type', 'h.scope_id')} as name
        from halts h where ${() => IN_FORCE} order by h.seq`,
      this.dataSource.sql<ChatStatus['breakers']>`
        select b.name, b.state, concat_ws(' ', b.scope_type, coalesce(${() => scopeName('b.scope_type', 'b.scope_id')}, b.scope_id), b.execution_mode) as scope
        from breaker_states b where b.state in ('tripped', 'cooling_down', 'testing') order by b.since`,
      this.dataSource.sql<ChatStatus['agents']>`
        select a.name, a.mode, case when s.last_seen_at is null or s.last_seen_at < app_clock() - make_interval(secs => ${OFFLINE_AFTER_SECONDS}) then 'offline' else s.status end as state
        from agents a join agent_state s on s.agent_id = a.id where a.retired_at is null order by a.seq`,
      this.unresolved(),
    ]);
    return { halts, breakers, agents, incidents };
  }

  /** Those that nobody has acknowledged first, the worst of them first. */
  unresolved(): Promise<OpenIncident[]> {
    return this.dataSource.sql`
      select seq, kind, severity, summary, acknowledged_at is not null as acknowledged from incidents where resolved_at is null
      order by acknowledged_at is not null, array_position(array['critical','warning','info'], severity), seq limit 200`;
  }

  /** By its number, as messages name it, or its id. */
  async incidentId(tx: Tx, which: string): Promise<string | null> {
    const [row] = await tx.sql<{ id: string }[]>`select id from incidents where seq = ${/^\d{1,15}$/.test(which) ? which : null}::bigint or id::text = lower(${which})`;
    return row?.id ?? null;
  }
}


