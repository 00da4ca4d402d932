import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Caller } from '../common/http/caller.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Incidents } from '../incidents/incidents.service.js';
import { SEEN_INCIDENTS } from '../incidents/incidents.repository.js';
import type { CommandRow } from './commands.repository.js';

const CLOSE_EVERY_SECONDS = 60;

/** CTEs for the statement that takes leases back: what became unknown among its rows `lapsed` is an incident with it. */
export const LAPSED_TO_UNKNOWN = SEEN_INCIDENTS(`(
  select 'COMMAND_UNKNOWN' as kind, 'critical' as severity, 'command' as subject_type, id::text as subject_id, agent_id,
    'The lease of an ' || type || ' ran out: nobody knows whether it reached the broker.' as summary,
    jsonb_build_object('type', type, 'attempt', attempt) as data, null::int as quiet_seconds
  from lapsed where status = 'unknown')`, `'system'`, 'null');

/** What becomes of commands that a person must see. */
@Injectable()
export class CommandIncidents {
  constructor(
    private readonly dataSource: DataSource,
    private readonly incidents: Incidents,
    schedules: Schedules,
  ) {
    schedules.every(CLOSE_EVERY_SECONDS, 'commands.close-incidents', () => this.closeEnded());
  }

  /** In the transaction in which an agent said that a command has failed. */
  async failed(tx: Tx, caller: Caller, { id, agent_id: agentId, type, class: kind, attempt }: CommandRow, outcome: string, error: { code: string; message: string }): Promise<void> {
    const about = { subjectId: id, agentId, data: { type, attempt, code: error.code, message: error.message } };
    if (outcome === 'unknown') {
      await this.incidents.open(tx, caller, {
        ...about, kind: 'COMMAND_UNKNOWN', severity: kind === 'opens' ? 'critical' : 'warning', summary: `The agent does not know whether ${type} reached the broker (${error.code}).`,
      });
    } else if (outcome === 'rejected' && kind === 'reduces') {
      await this.incidents.open(tx, caller, { ...about, kind: 'CLOSE_REJECTED', severity: 'critical', summary: `The broker rejects ${type} (${error.code}); it is tried again.` });
    }
  }

  settled(tx: Tx, caller: Caller, id: string, outcome: string): Promise<void> {
    return this.incidents.resolve(tx, caller, 'COMMAND_UNKNOWN', [id], `settled as ${outcome}`);
  }

  /** A command ends in many ways, most of them merged with those of others: what was rejected before is looked up once a minute. */
  closeEnded(): Promise<void> {
    return inTransaction(this.dataSource, async (tx) => {
      const ended = await tx.sql<{ subject_id: string }[]>`
        select i.subject_id from incidents i join agent_commands c on c.id = i.subject_id::uuid
        where i.kind = 'CLOSE_REJECTED' and i.resolved_at is null and c.finished_at is not null`;
      await this.incidents.resolve(tx, null, 'CLOSE_REJECTED', ended.map(({ subject_id: id }) => id), 'the command has ended');
    });
  }
}
