import { Injectable } from '@nestjs/common';
import type { ClosureRow } from '../closures/closures.repository.js';
import { shownBeside } from '../commands/commands.repository.js';
import { timeText } from '../database/answer-text.js';
import type { Tx } from '../database/transaction.js';
import type { FoundDecision } from '../decisions/decision.js';
import { DECISION_COLUMNS } from '../decisions/decisions.repository.js';
import type { ExplanationRow } from '../explanations/explanations.repository.js';
import type { HaltRow } from '../halts/halt-rows.js';
import { scopeName } from '../halts/scope-name.js';
import type { IdeaRow } from '../trade-ideas/ideas.repository.js';
import type { FillRow } from '../trades/fills.repository.js';
import { COLUMNS as TRADE, type TradeRow, type TransitionRow } from '../trades/trades.repository.js';
import type { AlertFacts, CommandFacts, Linked, PredictionFacts, ReservationFacts, SubjectType } from './linked.js';

/** Of each kind; what goes beyond is said to be left out. */
export const EACH_MOST = 500;
/** What a step shows of a command's result; all of it stands at the command. */
const RESULT_BYTES_MOST = 8_192;
/** Of an alert that was redriven again and again. */
const RUNS_SHOWN = 20;

/** What is asked about, and the ids of what hangs together with it. */
export interface Found {
  type: SubjectType;
  /** Agents whose keys may ask. */
  owners: string[];
  prediction_ids: string[];
  idea_ids: string[];
  command_ids: string[];
  trade_ids: string[];
  halt_id: string | null;
  decision_id: string | null;
  alert_ids: string[];
}

const ID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** The idea against which this close of a part went, on an account with one position for an instrument. The reason alone may be anybody's words. */
const REDUCED_BY = (command: string) => `(select i.id from trade_ideas i where ${command}.type = 'close_trade' and ${command}.id = any(i.close_command_ids)
  and i.id = substring(${command}.payload ->> 'reason' from '^idea (${ID})$')::uuid)`;

/** The alert of a source that asked for a command; its reason alone may be anybody's words. */
const ALERTED = (command: string) => `case when ${command}.actor like 'webhook:%' then substring(${command}.payload ->> 'reason' from '^alert (${ID})$')::uuid end`;
/** Commands that the runs of an alert say they made or took back. */
const OF_ALERT = (alert: string) => `
  select each::uuid from (select outcome from alerts where id = ${alert} union all select outcome from alert_runs where alert_id = ${alert}) o,
    jsonb_array_elements_text(case jsonb_typeof(o.outcome -> 'commandIds') when 'array' then o.outcome -> 'commandIds' else '[]' end
      || case jsonb_typeof(o.outcome -> 'cancelledCommandIds') when 'array' then o.outcome -> 'cancelledCommandIds' else '[]' end) each`;

/** Reads what a chain is made of: a fixed number of statements, whatever hangs together. */
@Injectable()
export class WhyRepository {
  /** Null: nothing has this id. */
  async find(tx: Tx, id: string): Promise<Found | null> {
    const none = (of: string) => of.split(' ').map((column) => `null::uuid as ${column}`).join(', ');
    const [row] = await tx.sql<Found[]>`
      with asked as (select ${id}::uuid as id),
      seed as materialized (
        select * from (
          select 1 as n, 'trade' as type, t.id as trade_id, ${() => none('idea_id command_id prediction_id halt_id decision_id alert_id')}, array[t.agent_id] as agents from trades t join asked using (id)
          union all select 2, 'idea', null, i.id, null, null, null, null, null, array[i.executor_id, i.proposer_id] from trade_ideas i join asked using (id)
          union all select 3, 'command', c.trade_id, null, c.id, null, null, null, null, array[c.agent_id] from agent_commands c join asked using (id)
          union all select 4, 'prediction', null, null, null, p.id, null, null, null, array[p.agent_id] from predictions p join asked using (id)
          union all select 5, 'decision', null, d.idea_id, null, null, d.halt_id, d.id, null, array[d.agent_id] from (select id, idea_id, halt_id, agent_id from decision_history union all select id, idea_id, halt_id, agent_id from archived_decisions) d join asked using (id)
          union all select 6, 'closure', c.trade_id, null, null, null, c.halt_id, null, null, array[c.agent_id] from closures c join asked using (id)
          union all select 7, 'halt', null, null, null, null, h.id, null, null, array[case when h.scope_type = 'agent' then h.scope_id::uuid end] from halts h join asked using (id)
          union all select 8, 'alert', null, null, null, null, null, null, a.id, array[s.executor_agent_id] from asked join alerts a using (id) join webhook_sources s on s.id = a.source_id
        ) one order by n limit 1
      ),
      idea as materialized (
        select id from (
          select idea_id as id from seed
          union select t.idea_id from seed s join trades t on t.id = s.trade_id
          union select r.idea_id from seed s join trades t on t.id = s.trade_id join reservations r on r.command_id = t.command_id
          union select r.idea_id from seed s join reservations r on r.command_id = s.command_id
          union select ${() => REDUCED_BY('c')} from seed s join agent_commands c on c.id = s.command_id
          union select i.id from trade_ideas i where i.alert_id = (select alert_id from seed)
          union (select i.id from trade_ideas i where i.prediction_id = (select prediction_id from seed) order by i.seq desc limit ${EACH_MOST + 1})
        ) i where id is not null
      ),
      opening as materialized (
        select command_id as id from seed where command_id is not null
        union ${() => OF_ALERT('(select alert_id from seed)')}
        union select i.command_id from trade_ideas i where i.id = any(array(select id from idea)) and i.command_id is not null
      ),
      trade as materialized (
        select trade_id as id from seed where trade_id is not null
        union select t.id from trades t where t.idea_id = any(array(select id from idea))
        union select t.id from trades t where t.command_id = any(array(select id from opening))
        union select c.trade_id from closures c where c.alert_id = (select alert_id from seed)
        union (select t.id from trades t where t.prediction_id = (select prediction_id from seed) order by t.seq desc limit ${EACH_MOST + 1})
      ),
      of_trade as materialized (
        select c.id, ${() => REDUCED_BY('c')} as reduced_by from agent_commands c where c.trade_id = any(array(select id from trade)) order by c.seq desc limit ${EACH_MOST + 1}
      )
      select s.type, s.halt_id, s.decision_id,
        array(select distinct a from (
          select unnest(s.agents) as a
          union select unnest(array[i.executor_id, i.proposer_id]) from trade_ideas i where i.id = any(array(select id from idea)) and s.type not in ('prediction', 'halt')
        ) o where a is not null) as owners,
        array(select id from idea union select reduced_by from of_trade where reduced_by is not null) as idea_ids,
        array(select alert_id from seed where alert_id is not null
          union select i.alert_id from trade_ideas i where i.id = any(array(select id from idea)) and i.alert_id is not null
          union select c.alert_id from closures c where c.trade_id = any(array(select id from trade)) and c.alert_id is not null
          union select ${() => ALERTED('c')} from agent_commands c where c.id = any(array(select id from opening)) or c.id = any(array(select id from of_trade))) as alert_ids,
        array(select id from trade) as trade_ids,
        array(select id from opening union select id from of_trade union select t.command_id from trades t where t.id = any(array(select id from trade)) and t.command_id is not null
          union select unnest(i.close_command_ids) from trade_ideas i where i.id = any(array(select id from idea))) as command_ids,
        array(select s.prediction_id where s.prediction_id is not null
          union select i.prediction_id from trade_ideas i where i.id = any(array(select id from idea)) and i.prediction_id is not null
          union select t.prediction_id from trades t where t.id = any(array(select id from trade)) and t.prediction_id is not null) as prediction_ids
      from seed s`;
    return row ?? null;
  }

  async predictions(tx: Tx, ids: readonly string[]): Promise<PredictionFacts[]> {
    return tx.sql`
      select p.*, s.outcome, s.move, s.scored_at from predictions p left join prediction_scores s on s.prediction_id = p.id
      where p.id = any(${ids}::uuid[]) order by p.seq desc limit ${EACH_MOST + 1}`;
  }

  /** Without what was sent: its body stands at the alert, where its secrets are masked. */
  alerts(tx: Tx, ids: readonly string[]): Promise<AlertFacts[]> {
    return tx.sql`
      select a.id, a.seq, a.source_id, s.name as source_name, s.executor_agent_id, a.received_at, a.status, a.run, a.redriven_at, a.redriven_by, a.signal, a.attempts, a.code, a.detail, a.outcome, a.finished_at,
        a.duplicate_count, (select coalesce(jsonb_agg(jsonb_build_object('run', r.run, 'status', r.status, 'code', r.code, 'detail', r.detail, 'outcome', r.outcome,
          'at', ${() => timeText('r.at')}) order by r.run), '[]')
          from (select * from alert_runs where alert_id = a.id order by run desc limit ${RUNS_SHOWN}) r) as runs
      from alerts a join webhook_sources s on s.id = a.source_id where a.id = any(${ids}::uuid[]) order by a.seq desc limit ${EACH_MOST + 1}`;
  }

  ideas(tx: Tx, ids: readonly string[]): Promise<IdeaRow[]> {
    return tx.sql`select * from trade_ideas where id = any(${ids}::uuid[]) order by seq desc limit ${EACH_MOST + 1}`;
  }

  /** Of the ideas; of the halt; and the one that was asked about. */
  decisions(tx: Tx, { idea_ids: ideas, halt_id: halt, decision_id: decision, type }: Found): Promise<FoundDecision[]> {
    return tx.sql`
      select ${() => DECISION_COLUMNS}, file, block_at, block_bytes from (
        select *, null as file, null as block_at, null as block_bytes from decision_history where seq = any(array(
          select seq from decision_history where idea_id = any(${ideas}::uuid[])
          union select seq from decision_history where halt_id = ${type === 'halt' || type === 'decision' ? halt : null}::uuid
          union select seq from decision_history where id = ${decision}::uuid))
        union all select seq, at, stream, number, id, type, agent_id, idea_id, command_id, halt_id, key_id, null, hash, file, block_at, block_bytes from archived_decisions where seq = any(array(
          select seq from decision_archive_rows where idea_id = any(${ideas}::uuid[])
          union select seq from decision_archive_rows where halt_id = ${type === 'halt' || type === 'decision' ? halt : null}::uuid
          union select seq from decision_archive_rows where id = ${decision}::uuid))
      ) d order by d.seq desc limit ${EACH_MOST + 1}`;
  }

  reservations(tx: Tx, commandIds: readonly string[]): Promise<ReservationFacts[]> {
    return tx.sql`
      select r.*, exists (select 1 from held_reservations h where h.id = r.id) as held from reservations r
      where r.command_id = any(${commandIds}::uuid[]) order by r.seq desc limit ${EACH_MOST + 1}`;
  }

  /** Those of the chain, and what a halt cancelled. */
  commands(tx: Tx, ids: readonly string[], haltId: string | null): Promise<CommandFacts[]> {
    return tx.sql`
      select c.id, c.seq, c.agent_id, c.type, c.class, c.once, c.payload, c.priority, c.status, c.not_before, c.expires_at, c.attempt, c.failures, c.max_attempts, null as lease_token,
        c.lease_expires_at, c.cancel_requested, c.trade_id, case when octet_length(c.result::text) <= ${RESULT_BYTES_MOST} then c.result end as result, c.error, c.reason, c.actor,
        c.correlation_id, c.created_at, c.finished_at, ${() => shownBeside()},
        case when c.reason like 'halted: %' then (select v.data ->> 'haltId' from events v where v.subject_id = c.id and v.at >= c.created_at
          and v.type in ('command.cancelled', 'command.cancel_requested') and v.data ? 'haltId' order by v.seq limit 1) end as halted_by
      from agent_commands c
      where c.id = any(${ids}::uuid[]) or c.id = any(array(
        select e.id from halts h join agent_commands e on e.status = 'cancelled' and e.class = 'opens' and e.finished_at >= h.imposed_at and e.finished_at <= coalesce(h.released_at, app_clock())
        where h.id = ${haltId}::uuid and exists (
          select 1 from events v where v.subject_id = e.id and v.type = 'command.cancelled' and v.at >= h.imposed_at and v.data ->> 'haltId' = h.id::text)
        order by e.finished_at limit ${EACH_MOST + 1}))
      order by c.seq desc limit ${EACH_MOST + 1}`;
  }

  trades(tx: Tx, ids: readonly string[]): Promise<(TradeRow & { currency: string })[]> {
    return tx.sql`
      select t.*, (select currency from accounts where id = t.account_id) as currency from (
        select ${() => TRADE} from trades where id = any(${ids}::uuid[]) order by trades.seq desc limit ${EACH_MOST + 1}
      ) t order by t.seq desc`;
  }

  transitions(tx: Tx, tradeIds: readonly string[]): Promise<TransitionRow[]> {
    return tx.sql`
      select seq, trade_id, version, from_status, to_status, occurred_at, recorded_at, late, broker_deal_id, facts, reason, actor from trade_transitions
      where trade_id = any(${tradeIds}::uuid[]) order by seq desc limit ${EACH_MOST + 1}`;
  }

  fills(tx: Tx, tradeIds: readonly string[]): Promise<FillRow[]> {
    return tx.sql`select * from trade_fills where trade_id = any(${tradeIds}::uuid[]) order by seq desc limit ${EACH_MOST + 1}`;
  }

  /** Without prompts and answers of models, which stand at the explanation. */
  explanations(tx: Tx, tradeIds: readonly string[]): Promise<Linked['explanations'][number][]> {
    return tx.sql<Pick<ExplanationRow, 'id' | 'seq' | 'agent_id' | 'trade_id' | 'prediction_id' | 'kind' | 'explanation' | 'confidence_factors' | 'risk_factors' | 'llm_model' | 'created_at'>[]>`
      select id, seq, agent_id, trade_id, prediction_id, kind, explanation, confidence_factors, risk_factors, llm_model, created_at from trade_explanations
      where trade_id = any(${tradeIds}::uuid[]) order by seq desc limit ${EACH_MOST + 1}`;
  }

  /** Events before it were removed; null: none were. */
  async eventsGoneBefore(tx: Tx): Promise<string | null> {
    const [row] = await tx.sql<{ until: string | null }[]>`
      select (max(month) + interval '1 month')::timestamp at time zone 'UTC' as until from retention_months where parent = 'events' and action = 'dropped'`;
    return row?.until ?? null;
  }

  /** Of the trades; and all that a halt wanted closed. */
  closures(tx: Tx, tradeIds: readonly string[], haltId: string | null): Promise<ClosureRow[]> {
    return tx.sql`
      select * from closures where id = any(array(
        select id from closures where trade_id = any(${tradeIds}::uuid[]) union select id from closures where halt_id = ${haltId}::uuid)) order by seq desc limit ${EACH_MOST + 1}`;
  }

  halts(tx: Tx, ids: readonly string[]): Promise<(HaltRow & { name: string | null })[]> {
    return tx.sql`
      select h.*, ${() => scopeName('h.scope_type', 'h.scope_id')} as name
      from halts h where h.id = any(${ids}::uuid[]) order by h.seq desc limit ${EACH_MOST + 1}`;
  }
}
