import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { leadOf, newestOf } from '../database/newest-first.js';
import type { Tx } from '../database/transaction.js';
import type { EXECUTION_MODES, OUTCOMES, Target, TRADE_DIRECTIONS } from '../trades/trade-fields.js';
import { APPROVAL_SECONDS, type IdeaStatus } from './idea-status.js';

export interface Reason {
  code: string;
  message: string;
  actual: string | null;
  limit: string | null;
}

export interface IdeaRow {
  id: string; seq: number; account_id: string; execution_mode: (typeof EXECUTION_MODES)[number]; proposer_id: string | null; executor_id: string;
  strategy_id: string | null; strategy_version: number | null; prediction_id: string | null; snapshot_ref: string | null; agent_version: string | null; config_hash: string | null; model_version: string | null; prompt_hash: string | null;
  symbol: string; broker_symbol: string | null; exchange: string | null; product: string | null; direction: (typeof TRADE_DIRECTIONS)[number];
  outcome: (typeof OUTCOMES)[number] | null; lot_size: string; entry_price: string | null; entry_low: string | null; entry_high: string | null; stop_loss: string | null;
  take_profit: Target[] | null; expected_hold: string | null; valid_for_seconds: number; rationale: string; confidence: string | null; status: IdeaStatus;
  digest: string; band_low: string | null; band_high: string | null; waits_until: string | null; approve_until: string | null; approved_by: string | null;
  command_id: string | null; close_command_ids: string[]; /** By its close commands. */ reduced_size: string | null; reasons: readonly Reason[]; ended_reason: string | null; decided_at: string | null; decided_by: string | null;
  actor: string; correlation_id: string | null; created_at: string; updated_at: string;
  /** Of a webhook source, and which of its runs. */
  alert_id: string | null; alert_run: number | null;
}

/** When it was decided, was created and waits or may be approved until follows from the database's clock. */
export type NewIdea = Omit<IdeaRow, 'seq' | 'created_at' | 'updated_at' | 'decided_at' | 'waits_until' | 'approve_until'>;

/** What a step of an idea changes. */
export type IdeaStep = Pick<IdeaRow, 'status' | 'reasons'> & Partial<Pick<IdeaRow, 'digest' | 'band_low' | 'band_high' | 'approved_by' | 'command_id' | 'close_command_ids' | 'reduced_size' | 'ended_reason' | 'decided_by' | 'strategy_version'>>;

export interface IdeaFilter {
  /** Proposer or executor; null: of all. */
  agentId: string | null;
  status?: IdeaStatus | undefined;
  symbol?: string | undefined;
  strategyId?: string | undefined;
}

const WRITTEN = `id, account_id, execution_mode, proposer_id, executor_id, strategy_id, strategy_version, prediction_id, snapshot_ref, agent_version, config_hash, model_version, prompt_hash, symbol, broker_symbol, exchange,
  product, direction, outcome, lot_size, entry_price, entry_low, entry_high, stop_loss, take_profit, expected_hold, valid_for_seconds, rationale, confidence, status, digest, band_low,
  band_high, approved_by, command_id, close_command_ids, reduced_size, reasons, ended_reason, decided_by, actor, correlation_id, alert_id, alert_run`;
const CHANGED = 'status, reasons, digest, band_low, band_high, approved_by, command_id, close_command_ids, reduced_size, ended_reason, decided_by, strategy_version';

const DECIDED_AT = (row: string) => `case when ${row}.status not in ('waiting', 'needs_approval') then app_clock() end`;
const APPROVE_UNTIL = (row: string) => `case when ${row}.status = 'needs_approval' then app_clock() + make_interval(secs => ${APPROVAL_SECONDS}) end`;
const LEADS = ['executor_id', 'proposer_id', 'strategy_id', 'symbol', 'status'];

@Injectable()
export class IdeasRepository {
  constructor(private readonly dataSource: DataSource) {}

  async insert(tx: Tx, idea: NewIdea): Promise<IdeaRow> {
    const [row] = await tx.sql<IdeaRow[]>`
      with made as (
        insert into trade_ideas (${() => WRITTEN}, created_at, updated_at, decided_at, approve_until, waits_until)
        select ${() => WRITTEN}, at, at, ${() => DECIDED_AT('n')}, ${() => APPROVE_UNTIL('n')}, case when n.status = 'waiting' then at + make_interval(secs => n.valid_for_seconds) end
        from (select app_clock() as at) clock, jsonb_populate_record(null::trade_ideas, ${JSON.stringify(idea)}::jsonb) n returning *
      ) select * from made`;
    if (!row) throw new Error('the idea was not stored');
    return row;
  }

  /** Of the prediction that an idea stands on. */
  async modelOf(tx: Tx, predictionId: string | null): Promise<Pick<IdeaRow, 'model_version' | 'prompt_hash'>> {
    const [row] = predictionId === null ? [] : await tx.sql<Pick<IdeaRow, 'model_version' | 'prompt_hash'>[]>`select model_version, prompt_hash from predictions where id = ${predictionId}`;
    return row ?? { model_version: null, prompt_hash: null };
  }

  async byId(id: string, tx: Tx = this.dataSource.manager): Promise<IdeaRow | null> {
    const [row] = await tx.sql<IdeaRow[]>`select * from trade_ideas where id = ${id}`;
    return row ?? null;
  }

  /** The account must be locked: so it is first, and whoever decides about the idea has it alone. */
  async lock(tx: Tx, id: string): Promise<IdeaRow | null> {
    const [row] = await tx.sql<IdeaRow[]>`select * from trade_ideas where id = ${id} for no key update`;
    return row ?? null;
  }

  /** By account, as all lock several. */
  async open(tx: Tx): Promise<string[]> {
    return (await tx.sql<{ id: string }[]>`select id from trade_ideas where decided_at is null order by account_id, id`).map(({ id }) => id);
  }

  /** A statement of its own, after the lock. */
  async isLate(tx: Tx, id: string): Promise<boolean> {
    const [row] = await tx.sql<{ late: boolean }[]>`select case status when 'waiting' then waits_until else approve_until end <= app_clock() as late from trade_ideas where id = ${id}`;
    return row?.late ?? true;
  }

  /** The idea must be locked, and open. */
  async step(tx: Tx, { id, ...idea }: IdeaRow, step: IdeaStep): Promise<IdeaRow> {
    const [row] = await tx.sql<IdeaRow[]>`
      with moved as (
        update trade_ideas t set (${() => CHANGED}, updated_at, decided_at, approve_until) = (
          select ${() => CHANGED.split(', ').map((column) => `n.${column}`).join(', ')}, app_clock(), ${() => DECIDED_AT('n')}, coalesce(t.approve_until, ${() => APPROVE_UNTIL('n')})
          from jsonb_populate_record(null::trade_ideas, ${JSON.stringify({ ...idea, ...step })}::jsonb) n)
        where id = ${id} and decided_at is null returning *
      ) select * from moved`;
    if (!row) throw new Error('the idea was decided already');
    return row;
  }

  /** Newest first. */
  async list({ agentId, ...filter }: IdeaFilter, limit: number, before: string | undefined): Promise<IdeaRow[]> {
    const columns = { status: filter.status, symbol: filter.symbol, strategy_id: filter.strategyId };
    if (agentId === null) return this.listBy(columns, limit, before);
    const lists = [await this.listBy({ ...columns, executor_id: agentId }, limit, before), await this.listBy({ ...columns, proposer_id: agentId }, limit, before)];
    const known = new Set(lists[0]?.map(({ id }) => id));
    return newestOf([lists[0] ?? [], (lists[1] ?? []).filter(({ id }) => !known.has(id))], limit + 1, () => '');
  }

  private listBy(columns: Record<string, string | undefined>, limit: number, before: string | undefined): Promise<IdeaRow[]> {
    const lead = leadOf(LEADS, columns);
    return this.dataSource.sql`
      select * from trade_ideas
      where ${() => lead.column} = any(${lead.values})
        and (${lead.rest('strategy_id')}::uuid is null or strategy_id = ${lead.rest('strategy_id')}::uuid)
        and (${lead.rest('symbol')}::text is null or symbol = ${lead.rest('symbol')}::text)
        and (${lead.rest('status')}::text is null or status = ${lead.rest('status')}::text)
        and (${before ?? null}::bigint is null or seq < ${before ?? null}::bigint)
      order by ${() => lead.order} seq desc limit ${limit + 1}`;
  }

  /**
   * Ideas that something may have happened to: waiting ones whose quote lies inside their range, and open ones whose time is over.
   * @param accountId of one account; null: of all
   */
  toLookAt(accountId: string | null, limit: number): Promise<{ id: string; account_id: string }[]> {
    return this.dataSource.sql`
      select t.id, t.account_id from trade_ideas t
      where t.decided_at is null and (${accountId}::uuid is null or t.account_id = ${accountId}::uuid) and (
        case t.status when 'waiting' then t.waits_until else t.approve_until end <= app_clock()
        or (t.status = 'waiting' and exists (
          select 1 from quotes q where q.account_id = t.account_id
            and q.symbol = any(array[t.symbol, t.broker_symbol, t.exchange || ':' || t.symbol]
              || array(select i.broker_symbol from instruments i where i.account_id = t.account_id and i.symbol = t.symbol and i.exchange is not distinct from t.exchange))
            and case t.direction when 'long' then q.ask else q.bid end between t.entry_low and t.entry_high)))
      order by t.seq limit ${limit}`;
  }

  async isAnyOpen(): Promise<boolean> {
    const [row] = await this.dataSource.sql<{ any: boolean }[]>`select exists (select 1 from trade_ideas where decided_at is null) as any`;
    return row?.any ?? false;
  }

  async reservationOf(commandId: string): Promise<{ held: boolean; ended_as: 'released' | 'converted' | null; trade_id: string | null } | null> {
    const [row] = await this.dataSource.sql<{ held: boolean; ended_as: 'released' | 'converted' | null; trade_id: string | null }[]>`
      select h.id is not null as held, case when h.id is null then coalesce(r.ended_as, case when t.id is null then 'released' else 'converted' end) end as ended_as, coalesce(r.trade_id, t.id) as trade_id
      from reservations r left join held_reservations h on h.id = r.id left join lateral (select id from trades where command_id = r.command_id order by seq limit 1) t on true
      where r.command_id = ${commandId}`;
    return row ?? null;
  }

  /** Account and mode of an agent. */
  async agent(tx: Tx, id: string): Promise<{ account_id: string; mode: IdeaRow['execution_mode'] } | null> {
    const [row] = await tx.sql<{ account_id: string; mode: IdeaRow['execution_mode'] }[]>`select account_id, mode from agents where id = ${id}`;
    return row ?? null;
  }

  /** Whose the named records are; absent: there is none. */
  async owners(tx: Tx, predictionId: string | null, snapshotRef: string | null): Promise<{ prediction: string | null; ref: boolean; ref_owner: string | null }> {
    const [row] = await tx.sql<{ prediction: string | null; ref: boolean; ref_owner: string | null }[]>`
      select p.agent_id as prediction, r.id is not null as ref, r.agent_id as ref_owner from (select) one
        left join predictions p on p.id = ${predictionId}::uuid left join snapshot_refs r on r.id = ${snapshotRef}::uuid`;
    return row ?? { prediction: null, ref: false, ref_owner: null };
  }
}
