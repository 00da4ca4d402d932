import { Inject, Injectable, Logger } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { masked, withoutCredentials } from '../auth/credentials.js';
import { mustOwn } from '../auth/own-rows.js';
import type { Caller } from '../common/http/caller.js';
import type { Sized } from '../common/page-bytes.js';
import { actorOf } from '../common/principal.js';
import { forbidden, notFound } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { Schedules } from '../database/schedules.js';
import { type Run, Statements } from '../database/statements.js';
import type { Tx } from '../database/transaction.js';
import { checkRow, type CheckedRow } from './check-row.js';
import { ALL_STREAMS, type DecisionRow, type DecisionText, type HeadRow, type ImportedDecision, type NewDecision, SYSTEM_STREAM } from './decision.js';
import { type DecisionFilter, DecisionsRepository, type LockedHead } from './decisions.repository.js';
import { headSeal, type SealKey, SealKeys, sealOf, sealOfHead, textOf } from './seal.js';

const HEADS_SCHEDULE = 'decisions.heads';
const HOUR_SECONDS = 3_600;

/** The history of decisions: who decided what, on what, by which figures; sealed, and chained for each account. */
@Injectable()
export class DecisionsService {
  private readonly log = new Logger('Decisions');
  private sealKeys?: SealKeys;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly decisions: DecisionsRepository,
    private readonly statements: Statements,
    schedules: Schedules,
  ) {
    schedules.every(HOUR_SECONDS, HEADS_SCHEDULE, () => this.logHeads());
  }

  /** Made when first needed: a command that only looks must not make a key. */
  get keys(): SealKeys {
    return (this.sealKeys ??= new SealKeys(this.env.AUDIT_KEY, this.env.AUDIT_KEYS_FORMER));
  }

  /**
   * Writes a decision down, in the transaction of what was decided: two statements. It locks the stream's head to the end
   * of the transaction. Who appends to several streams takes the accounts' by their ids first, `system` last.
   * @param caller null for what the server does by itself
   */
  async append(tx: Tx, caller: Caller | null, decision: NewDecision): Promise<{ id: string }> {
    const run = this.statements.within(tx);
    const { current } = this.keys;
    const { locked, seal } = await this.place(run, decision.stream);
    if (seal === 'broken') this.log.error(`the head of the decisions of ${decision.stream} was changed outside this server: see audit:verify`);
    const text: DecisionText = {
      v: 1, stream: decision.stream, number: locked.count + 1, seq: locked.seq, id: uuidv7(), type: decision.type, at: locked.at,
      actor: caller ? actorOf(caller.principal) : 'system', correlationId: caller?.correlationId ?? null,
      ideaId: decision.ideaId ?? null, commandId: decision.commandId ?? null, agentId: decision.agentId ?? null,
      strategyId: decision.strategyId ?? null, haltId: decision.haltId ?? null, snapshotRef: decision.snapshotRef ?? null,
      riskCheckResult: shown(decision.riskCheckResult), humanOverride: shown(decision.humanOverride),
      reason: decision.reason == null ? null : masked(decision.reason),
      previous: locked.head === '' ? null : locked.head, key: current.id, previousKey: locked.count === 0 ? null : locked.key_id, head: seal,
    };
    const canonical = textOf(text);
    const hash = sealOf(current, canonical);
    await this.decisions.append(run, rowOf(text, canonical, hash), sealOfHead(current, { stream: text.stream, count: text.number, head: hash }), {
      accountId: text.stream === SYSTEM_STREAM ? null : text.stream, actor: text.actor, correlationId: text.correlationId,
      data: { type: text.type, number: text.number, ideaId: text.ideaId, commandId: text.commandId, haltId: text.haltId },
    });
    return { id: text.id };
  }

  /**
   * Decisions of another system, into the stream of the import that brings them: sealed and chained as all are, at the
   * time of the import, with their own time in the text. Locks that stream's head only, and tells no event.
   */
  async appendImported(tx: Tx, stream: string, actor: string, decisions: readonly ImportedDecision[]): Promise<void> {
    if (decisions.length === 0) return;
    const run = this.statements.within(tx);
    const { current } = this.keys;
    const { locked, seal } = await this.place(run, stream);
    const { at, seqs } = await this.decisions.reserve(run, decisions.length);
    let head: HeadRow = locked;
    const rows = decisions.map((decision, place) => {
      const text: DecisionText = {
        v: 1, stream, number: head.count + 1, seq: seqs[place] ?? 0, id: decision.id, type: decision.type, at, actor, correlationId: null,
        ideaId: null, commandId: null, agentId: decision.agentId, strategyId: null, haltId: null, snapshotRef: null,
        riskCheckResult: shown(decision.riskCheckResult), humanOverride: shown(decision.humanOverride),
        reason: decision.reason === null ? null : masked(decision.reason), decidedAt: decision.decidedAt,
        previous: head.head === '' ? null : head.head, key: current.id, previousKey: head.count === 0 ? null : head.key_id, head: place === 0 ? seal : 'intact',
      };
      const canonical = textOf(text);
      const hash = sealOf(current, canonical);
      head = { stream, count: text.number, head: hash, mac: '', key_id: current.id };
      return rowOf(text, canonical, hash);
    });
    await this.decisions.appendMany(run, rows, { ...head, mac: sealOfHead(current, head) });
  }

  private async place(run: Run, stream: string): Promise<{ locked: LockedHead; seal: DecisionText['head'] }> {
    const there = await this.decisions.lock(run, stream);
    if (there) return { locked: there, seal: headSeal(this.keys, there) };
    const opened = await this.open(run, stream);
    const locked = await this.decisions.lock(run, stream);
    if (!locked) throw new Error('the head of the stream is gone');
    return { locked, seal: opened === 'broken' ? 'broken' : headSeal(this.keys, locked) };
  }

  /** The first decision of a stream. A broken count of streams is written down with it, for the count is sealed anew. */
  private async open(run: Run, stream: string): Promise<DecisionText['head']> {
    const { current } = this.keys;
    if (!(await this.decisions.open(run, sealed(current, stream, 0)))) return 'intact';
    await this.decisions.open(run, sealed(current, ALL_STREAMS, 0));
    const all = await this.decisions.lock(run, ALL_STREAMS);
    if (!all) throw new Error('the count of the streams is gone');
    await this.decisions.move(run, sealed(current, ALL_STREAMS, all.count + 1));
    return headSeal(this.keys, all);
  }

  list(filter: DecisionFilter, limit: number, after: string | undefined): Promise<(DecisionRow & Sized)[]> {
    return this.decisions.list(filter, limit, after);
  }

  /** @throws {Problem} 403 when a key asks for what is not its agent's, 404 */
  async get(caller: Caller, id: string): Promise<DecisionRow> {
    const row = await this.decisions.get(id);
    if (!row) throw notFound('decision');
    if (row.agent_id !== null) mustOwn(caller, row.agent_id);
    else if (caller.principal.kind === 'agent') throw forbidden('NOT_YOUR_AGENT', 'An agent key acts for its own agent only.');
    return row;
  }

  check(row: DecisionRow): CheckedRow {
    return checkRow(this.keys, row);
  }

  /** For somebody outside: what the database forgets, or is made to forget, the log still says. */
  private async logHeads(): Promise<void> {
    for (const { stream, count, head } of await this.decisions.movedSince(HEADS_SCHEDULE)) this.log.log(`decision head ${stream} ${count} ${head}`);
  }
}

const sealed = (key: SealKey, stream: string, count: number): HeadRow => ({ stream, count, head: '', mac: sealOfHead(key, { stream, count, head: '' }), key_id: key.id });

/** As JSON has it, without credentials; decimals and dates have become their text. */
const shown = (value: unknown): unknown => (value === undefined || value === null ? null : withoutCredentials(JSON.parse(JSON.stringify(value)) as unknown));

const rowOf = (text: DecisionText, canonical: string, hash: string): DecisionRow => ({
  seq: text.seq, at: text.at, stream: text.stream, number: text.number, id: text.id, type: text.type, agent_id: text.agentId, idea_id: text.ideaId,
  command_id: text.commandId, halt_id: text.haltId, key_id: text.key, canonical, hash,
});
