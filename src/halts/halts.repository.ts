import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { afterCommit, type Tx } from '../database/transaction.js';
import type { HaltFacts, HaltRow, NewHalt } from './halt-rows.js';
import { HOLDS_OPENING } from './halts.sql.js';

const FACTS = `h.id, h.scope_type as scope, h.mode, h.reason, h.breaker`;
const IN_FORCE = `h.released_at is null and (h.expires_at is null or h.expires_at > app_clock())`;

/** What a decision is about: whose halts would hold it. */
export interface HaltedBy {
  accountId: string;
  executionMode: HaltRow['execution_mode'];
  /** Executor and proposer. */
  agentIds: readonly string[];
  strategyId: string | null;
  /** Canonical. */
  symbol: string;
}

/** Null when it has ended already. */
export type EndHalt = (tx: Tx, caller: Caller | null, id: string, reason: string) => Promise<HaltRow | null>;

/** The one mechanism for "stop": whatever stops trading is a row here, and everything that lets trades pass looks here. */
@Injectable()
export class HaltsRepository {
  private readonly imposedHooks: ((id: string) => void)[] = [];
  private ending: EndHalt | null = null;

  constructor(private readonly dataSource: DataSource) {}

  /** After the commit of a halt, whoever imposed it: what carries it through stands above. */
  onImposed(hook: (id: string) => void): void {
    this.imposedHooks.push(hook);
  }

  /** How a halt is ended with all that it held: what knows of commands and agents stands above. */
  endsBy(ending: EndHalt): void {
    this.ending = ending;
  }

  /** Ends a halt for who stands below that: its openings are cancelled first, so that nothing is revived. Takes its accounts, then its agents. */
  end(tx: Tx, caller: Caller | null, id: string, reason: string): Promise<HaltRow | null> {
    if (this.ending) return this.ending(tx, caller, id, reason);
    return this.release(tx, id, caller ? actorOf(caller.principal) : 'system', reason);
  }

  /** A plain insert, which waits for no lock: in force for every statement that begins after its commit. */
  async impose(tx: Tx, halt: NewHalt): Promise<HaltRow> {
    const [row] = await tx.sql<HaltRow[]>`
      insert into halts (scope_type, scope_id, account_id, execution_mode, mode, reason, source, breaker, imposed_by, correlation_id, expires_at)
      values (${halt.scope_type}, ${halt.scope_id}, ${halt.account_id ?? null}::uuid, ${halt.execution_mode ?? null}, ${halt.mode}, ${halt.reason}, ${halt.source}, ${halt.breaker ?? null},
        ${halt.imposed_by}, ${halt.correlation_id ?? null}, ${halt.expires_at ?? null}::timestamptz)
      returning *`;
    if (!row) throw new Error('the halt was not stored');
    afterCommit(tx, () => this.imposedHooks.forEach((hook) => hook(row.id)));
    return row;
  }

  /** Null when it is released already, or not there. The caller has cancelled what it held, with the accounts locked. */
  async release(tx: Tx, id: string, by: string, reason: string): Promise<HaltRow | null> {
    const [row] = await tx.sql<HaltRow[]>`
      with released as (
        update halts set released_at = app_clock(), released_by = ${by}, release_reason = ${reason} where id = ${id} and released_at is null returning *
      ) select * from released`;
    return row ?? null;
  }

  async byId(id: string, tx: Tx = this.dataSource.manager): Promise<HaltRow | null> {
    const [row] = await tx.sql<HaltRow[]>`select * from halts where id = ${id}`;
    return row ?? null;
  }

  /** Those that hold a decision. Read after the account was locked. */
  inForce(tx: Tx, { accountId, executionMode, agentIds, strategyId, symbol }: HaltedBy): Promise<HaltFacts[]> {
    return tx.sql`
      select ${() => FACTS} from halts h
      where ${() => IN_FORCE} and (h.execution_mode is null or h.execution_mode = ${executionMode}::text) and case h.scope_type
        when 'global' then true when 'account' then h.scope_id = ${accountId}::text when 'agent' then h.scope_id = any(${agentIds}::text[])
        when 'strategy' then h.scope_id = ${strategyId}::text else h.scope_id = ${symbol}::text and (h.account_id is null or h.account_id = ${accountId}::uuid) end
      order by h.seq`;
  }

  /** The first that holds this opening of an agent. Read after the agent was locked. */
  async ofOpening(tx: Tx, agentId: string, payload: Record<string, unknown>): Promise<HaltRow | null> {
    const [row] = await tx.sql<HaltRow[]>`
      select h.* from (select ${JSON.stringify(payload)}::jsonb as payload) given, agents a cross join lateral halts_on(a.id, a.account_id, a.mode) h
      where a.id = ${agentId} and ${() => HOLDS_OPENING('given.payload')} order by h.seq limit 1`;
    return row ?? null;
  }

  /** Changes whenever a halt begins or ends to be in force. */
  async fingerprint(): Promise<string> {
    const [row] = await this.dataSource.sql<{ ids: string | null }[]>`select string_agg(h.id::text, ' ' order by h.seq) as ids from halts h where ${() => IN_FORCE}`;
    return row?.ids ?? '';
  }

  /** In force, and not carried through on all accounts in scope; or at an end that nobody has told of. */
  async unfinished(): Promise<{ id: string; expired: boolean }[]> {
    return this.dataSource.sql`
      select id, coalesce(expires_at <= app_clock(), false) as expired from halts
      where released_at is null and (effective_at is null or expires_at <= app_clock()) order by seq`;
  }
}
