import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { leadOf } from '../database/newest-first.js';
import type { Tx } from '../database/transaction.js';
import type { EXPLANATION_KINDS } from './explanations.schemas.js';
import { PAGE_BYTES_MAX, type Sized } from '../common/page-bytes.js';

type Factors = Record<string, unknown> | string[];

export interface ExplanationRow {
  id: string;
  seq: number;
  agent_id: string;
  /** Null: of what was not traded. */
  trade_id: string | null;
  idea_id: string | null;
  prediction_id: string | null;
  kind: (typeof EXPLANATION_KINDS)[number];
  explanation: string;
  confidence_factors: Factors | null;
  risk_factors: Factors | null;
  llm_model: string | null;
  prompt_hash: string | null;
  prompt: string | null;
  raw_response: string | null;
  tokens: number | null;
  cost: string | null;
  created_at: string;
}

export type NewExplanation = Omit<ExplanationRow, 'seq' | 'created_at'>;

/** What an explanation needs to know of the trade that it is about. */
export interface ExplainedTrade {
  agent_id: string;
  account_id: string;
  prediction_id: string | null;
}

export interface ExplanationFilter {
  /** Null: of all agents. */
  agentId: string | null;
  tradeId?: string | undefined;
  predictionId?: string | undefined;
  ideaId?: string | undefined;
  kind?: ExplanationRow['kind'] | undefined;
}

const WRITTEN = `id, agent_id, trade_id, idea_id, prediction_id, kind, explanation, confidence_factors, risk_factors, llm_model, prompt_hash, prompt,
  raw_response, tokens, cost`;
const COLUMNS = `${WRITTEN}, seq, created_at`;

/** Columns with an index on (column, seq). */
const LEADS = ['agent_id', 'kind'];

@Injectable()
export class ExplanationsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async trade(id: string, tx: Tx = this.dataSource.manager): Promise<ExplainedTrade | null> {
    const [row] = await tx.sql<ExplainedTrade[]>`select agent_id, account_id, prediction_id from trades where id = ${id}`;
    return row ?? null;
  }

  async accountOf(tx: Tx, agentId: string): Promise<string | null> {
    const [row] = await tx.sql<{ account_id: string }[]>`select account_id from agents where id = ${agentId}`;
    return row?.account_id ?? null;
  }

  /** Who proposed it and who executes it; empty: there is none. */
  async agentsOfIdea(tx: Tx, id: string): Promise<(string | null)[]> {
    const [row] = await tx.sql<{ agents: (string | null)[] }[]>`select array[proposer_id, executor_id] as agents from trade_ideas where id = ${id}`;
    return row?.agents ?? [];
  }

  async agentOfPrediction(tx: Tx, id: string): Promise<string | null> {
    const [row] = await tx.sql<{ agent_id: string }[]>`select agent_id from predictions where id = ${id}`;
    return row?.agent_id ?? null;
  }

  async insert(tx: Tx, it: NewExplanation): Promise<ExplanationRow> {
    const [row] = await tx.sql<ExplanationRow[]>`
      with made as (
        insert into trade_explanations (${() => WRITTEN})
        values (${it.id}, ${it.agent_id}, ${it.trade_id}::uuid, ${it.idea_id}::uuid, ${it.prediction_id}, ${it.kind}, ${it.explanation},
          ${json(it.confidence_factors)}::jsonb, ${json(it.risk_factors)}::jsonb, ${it.llm_model}, ${it.prompt_hash}, ${it.prompt},
          ${it.raw_response}, ${it.tokens}, ${it.cost})
        returning ${() => COLUMNS}
      ) select * from made`;
    if (!row) throw new Error('the explanation was not stored');
    return row;
  }

  /** Newest first, up to the row that no longer fits into a page. */
  list(filter: ExplanationFilter, limit: number, after: string | undefined): Promise<(ExplanationRow & Sized)[]> {
    const { agentId, tradeId = null, predictionId = null, ideaId = null, kind } = filter;
    const lead = leadOf(LEADS, { agent_id: agentId, kind });
    return this.dataSource.sql`
      select ${() => COLUMNS}, bytes_so_far from (
        select *, sum(bytes) over (order by seq desc)::int as bytes_so_far from (
          select ${() => COLUMNS}, octet_length(concat(confidence_factors::text, risk_factors::text)) + octet_length(explanation)
            + coalesce(octet_length(prompt), 0) + coalesce(octet_length(raw_response), 0) as bytes
          from trade_explanations
          where ${() => lead.column} = any(${lead.values})
            and (${tradeId}::uuid is null or trade_id = ${tradeId}::uuid)
            and (${predictionId}::uuid is null or prediction_id = ${predictionId}::uuid)
            and (${ideaId}::uuid is null or idea_id = ${ideaId}::uuid)
            and (${lead.rest('kind')}::text is null or kind = ${lead.rest('kind')}::text)
            and (${after ?? null}::bigint is null or seq < ${after ?? null}::bigint)
          order by ${() => lead.order} seq desc limit ${limit + 1}
        ) page
      ) sized where bytes_so_far - bytes <= ${PAGE_BYTES_MAX} order by seq desc`;
  }
}

const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
