import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { actorOf } from '../common/principal.js';
import type { Caller } from '../common/http/caller.js';
import { DatabaseService } from '../database/database.service.js';
import { Schedules } from '../database/schedules.js';
import type { Tx } from '../database/transaction.js';

export interface NewEvent {
  /** `<subject>.<what happened>`, such as `command.created`. */
  type: string;
  subjectId?: string | null;
  agentId?: string | null;
  accountId?: string | null;
  data?: Record<string, unknown>;
}

const DAY_SECONDS = 86_400;

/** The event log: every state change appends a row in its own transaction. It is the outbox that readers follow. */
@Injectable()
export class Events {
  constructor(
    private readonly dataSource: DataSource,
    database: DatabaseService,
    schedules: Schedules,
  ) {
    database.onReady(() => this.ensureMonths());
    schedules.every(DAY_SECONDS, 'events.ensure-months', () => this.ensureMonths());
  }

  /** @param caller null for what the server does by itself */
  async append(tx: Tx, caller: Caller | null, events: NewEvent[]): Promise<void> {
    if (events.length === 0) return;
    await tx.sql`
      insert into events (type, subject_id, agent_id, account_id, data, actor, correlation_id)
      select e.type, e."subjectId", e."agentId", e."accountId", coalesce(e.data, '{}'), ${caller ? actorOf(caller.principal) : 'system'}, ${caller?.correlationId ?? null}::text
      from jsonb_to_recordset(${JSON.stringify(events)}::jsonb)
        as e (type text, "subjectId" uuid, "agentId" uuid, "accountId" uuid, data jsonb)`;
  }

  /** Months are made well ahead: a row without its month cannot be stored. */
  private async ensureMonths(): Promise<void> {
    await this.dataSource.query(`select ensure_months(app_clock()::date, (app_clock() + interval '11 months')::date)`);
  }
}
