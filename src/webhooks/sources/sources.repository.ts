import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Merged } from '../../database/merged.js';
import { type Statement, Statements } from '../../database/statements.js';
import type { Tx } from '../../database/transaction.js';
import type { Mapping } from '../mapping/declared-mapping.js';

export const SOURCE_ACTIONS = ['store', 'idea', 'command'] as const;
export type SourceAction = (typeof SOURCE_ACTIONS)[number];

/** To lose at the stop: in the account's currency, or of its equity. */
export type RiskRule = { amount: string } | { fraction: string };
/** From the entry: in the price's unit, or of the price. */
export type StopDistance = { price: string } | { fraction: string };

/** What an alert that does not say so is taken to mean; decimal strings. */
export interface SourceDefaults {
  lotSize: string | null;
  riskRule: RiskRule | null;
  stopDistance: StopDistance | null;
  rewardToRisk: string | null;
  confidence: string | null;
  product: string | null;
}

/** A sender of alerts, as those who work through them see it. */
export interface Source {
  id: string;
  name: string;
  mapping: Mapping;
  /** Their symbol to ours. */
  symbols: Record<string, string>;
  action: SourceAction;
  executorAgentId: string | null;
  strategyId: string | null;
  maxAgeSeconds: number;
  expectSignalWithinSeconds: number | null;
  defaults: SourceDefaults;
  version: number;
  retiredAt: string | null;
}

export interface SourceRow {
  id: string;
  seq: number;
  name: string;
  mapping: Mapping;
  symbols: Record<string, string>;
  action: SourceAction;
  executor_agent_id: string | null;
  strategy_id: string | null;
  max_age_seconds: number;
  expect_signal_within_seconds: number | null;
  default_lot_size: string | null;
  default_risk_rule: RiskRule | null;
  default_stop_distance: StopDistance | null;
  default_reward_to_risk: string | null;
  default_confidence: string | null;
  default_product: string | null;
  token_hash: string;
  previous_token_hash: string | null;
  previous_token_until: string | null;
  body_secret_hash: string | null;
  allowed_addresses: string[] | null;
  version: number;
  created_at: string;
  created_by: string;
  updated_at: string;
  updated_by: string;
  retired_at: string | null;
}

/** What a person decides of a source. */
export type SourceContent = Omit<Source, 'id' | 'version' | 'retiredAt'> & { bodySecretHash: string | null; allowedAddresses: string[] | null };

export interface SourceFilter {
  name?: string | undefined;
  action?: SourceAction | undefined;
  retired?: boolean | undefined;
}

export const toSource = (row: SourceRow): Source => ({
  id: row.id, name: row.name, mapping: row.mapping, symbols: row.symbols, action: row.action, executorAgentId: row.executor_agent_id, strategyId: row.strategy_id,
  maxAgeSeconds: row.max_age_seconds, expectSignalWithinSeconds: row.expect_signal_within_seconds, version: row.version, retiredAt: row.retired_at,
  defaults: {
    lotSize: row.default_lot_size, riskRule: row.default_risk_rule, stopDistance: row.default_stop_distance, rewardToRisk: row.default_reward_to_risk,
    confidence: row.default_confidence, product: row.default_product,
  },
});

const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));

/** Those who may post under one of these hashes now. */
const BY_TOKEN: Statement = {
  name: 'webhook_sources_by_token',
  text: `
    select * from webhook_sources
    where (token_hash = any($1::text[]) or (previous_token_hash = any($1::text[]) and previous_token_until > app_clock())) and retired_at is null`,
};

@Injectable()
export class SourcesRepository {
  private readonly lookUps = new Merged((hashes: readonly string[]) => this.byTokens(hashes), { keyOf: (hash) => hash, sharesAnswers: true });

  constructor(
    private readonly dataSource: DataSource,
    private readonly statements: Statements,
  ) {}

  async byId(id: string, tx: Tx = this.dataSource.manager): Promise<SourceRow | null> {
    const [row] = await tx.sql<SourceRow[]>`select * from webhook_sources where id = ${id}`;
    return row ?? null;
  }

  byToken(hash: string): Promise<SourceRow | null> {
    return this.lookUps.do(hash);
  }

  private async byTokens(hashes: readonly string[]): Promise<(SourceRow | null)[]> {
    const rows = await this.statements.run<SourceRow>(BY_TOKEN, [hashes]);
    // A successor's hash and a predecessor's never meet: both are of random tokens.
    return hashes.map((hash) => rows.find((row) => row.token_hash === hash || row.previous_token_hash === hash) ?? null);
  }

  async lock(tx: Tx, id: string): Promise<SourceRow | null> {
    const [row] = await tx.sql<SourceRow[]>`select * from webhook_sources where id = ${id} for no key update`;
    return row ?? null;
  }

  list({ name, action, retired }: SourceFilter, limit: number, after: string | undefined): Promise<SourceRow[]> {
    return this.dataSource.sql`
      select * from webhook_sources
      where seq > ${after ?? 0} and (${name ?? null}::text is null or name = ${name ?? null}::text)
        and (${action ?? null}::text is null or action = ${action ?? null}::text)
        and (${retired ?? null}::boolean is null or (retired_at is not null) = ${retired ?? null}::boolean)
      order by seq limit ${limit + 1}`;
  }

  /** Null when another one that is not retired has the name. */
  async insert(tx: Tx, id: string, content: SourceContent, tokenHash: string, actor: string): Promise<SourceRow | null> {
    const { defaults } = content;
    const [row] = await tx.sql<SourceRow[]>`
      insert into webhook_sources (id, name, mapping, symbols, action, executor_agent_id, strategy_id, max_age_seconds, expect_signal_within_seconds, default_lot_size,
        default_risk_rule, default_stop_distance, default_reward_to_risk, default_confidence, default_product, token_hash, body_secret_hash, allowed_addresses, created_by, updated_by)
      values (${id}, ${content.name}, ${json(content.mapping)}, ${json(content.symbols)}, ${content.action}, ${content.executorAgentId}, ${content.strategyId},
        ${content.maxAgeSeconds}, ${content.expectSignalWithinSeconds}, ${defaults.lotSize}, ${json(defaults.riskRule)}, ${json(defaults.stopDistance)},
        ${defaults.rewardToRisk}, ${defaults.confidence}, ${defaults.product}, ${tokenHash}, ${content.bodySecretHash}, ${content.allowedAddresses}, ${actor}, ${actor})
      on conflict (name) where retired_at is null do nothing returning *`;
    return row ?? null;
  }

  async update(tx: Tx, id: string, content: SourceContent, actor: string): Promise<SourceRow> {
    const { defaults } = content;
    return this.changed(await tx.sql<SourceRow[]>`
      with changed as (
        update webhook_sources set version = version + 1, name = ${content.name}, mapping = ${json(content.mapping)}, symbols = ${json(content.symbols)}, action = ${content.action},
          executor_agent_id = ${content.executorAgentId}, strategy_id = ${content.strategyId}, max_age_seconds = ${content.maxAgeSeconds},
          expect_signal_within_seconds = ${content.expectSignalWithinSeconds}, default_lot_size = ${defaults.lotSize}, default_risk_rule = ${json(defaults.riskRule)},
          default_stop_distance = ${json(defaults.stopDistance)}, default_reward_to_risk = ${defaults.rewardToRisk}, default_confidence = ${defaults.confidence},
          default_product = ${defaults.product}, body_secret_hash = ${content.bodySecretHash}, allowed_addresses = ${content.allowedAddresses},
          updated_at = app_clock(), updated_by = ${actor}
        where id = ${id} returning *
      ) select * from changed`);
  }

  /** @param overlapSeconds for how long the token that it has now is good; 0: no longer */
  async rotate(tx: Tx, id: string, tokenHash: string, overlapSeconds: number, actor: string): Promise<SourceRow> {
    return this.changed(await tx.sql<SourceRow[]>`
      with changed as (
        update webhook_sources set version = version + 1, token_hash = ${tokenHash}, previous_token_hash = case when ${overlapSeconds}::int > 0 then token_hash end,
          previous_token_until = case when ${overlapSeconds}::int > 0 then app_clock() + make_interval(secs => ${overlapSeconds}::int) end,
          updated_at = app_clock(), updated_by = ${actor}
        where id = ${id} returning *
      ) select * from changed`);
  }

  async retire(tx: Tx, id: string, actor: string): Promise<SourceRow> {
    return this.changed(await tx.sql<SourceRow[]>`
      with changed as (
        update webhook_sources set version = version + 1, retired_at = app_clock(), previous_token_hash = null, previous_token_until = null,
          updated_at = app_clock(), updated_by = ${actor}
        where id = ${id} returning *
      ) select * from changed`);
  }

  async isNameTaken(tx: Tx, name: string, id: string): Promise<boolean> {
    const rows: unknown[] = await tx.sql`select 1 from webhook_sources where name = ${name} and retired_at is null and id <> ${id}`;
    return rows.length > 0;
  }

  private changed([row]: SourceRow[]): SourceRow {
    if (!row) throw new Error('the webhook source was not changed');
    return row;
  }
}
