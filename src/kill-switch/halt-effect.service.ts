import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ApiKeysService } from '../auth/api-keys.service.js';
import { ClosuresService } from '../closures/closures.service.js';
import { ServerCommands } from '../commands/server-commands.service.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { Schedules } from '../database/schedules.js';
import { afterCommit, inTransaction, type Tx } from '../database/transaction.js';
import { SYSTEM_STREAM } from '../decisions/decision.js';
import { DecisionsService } from '../decisions/decisions.service.js';
import { Events } from '../events/events.service.js';
import type { HaltRow } from '../halts/halt-rows.js';
import { HaltsRepository } from '../halts/halts.repository.js';
import { retired } from './retired.js';
import { HaltEffectRepository } from './halt-effect.repository.js';
import { NotInControl } from './not-in-control.service.js';

/** Who is not told by then is told later, and the caller that it is so. */
const ANSWER_WITHIN_MS = 1_000;
/** An account that somebody holds is waited for so long at a time, and asked again. */
const LOCK_MS = 400;
const AGAIN_MS = 250;
const AT_ONCE = 4;
const LEAVE_AFTER_MS = 1_000;
/** A server that ended with this undone is followed by one that looks. */
const LOOK_EVERY_SECONDS = 60;
/** As often as closures are worked on. */
const FLATTEN_EVERY_SECONDS = 5;

/**
 * Carries halts through. The row alone stops every statement that begins after its commit; this finds what began before:
 * it takes each account in scope, which decisions hold, and its agents, which whoever queues holds, and ends what they left.
 */
@Injectable()
export class HaltEffect implements OnApplicationShutdown {
  private readonly log = new Logger('HaltEffect');
  private readonly running = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly dataSource: DataSource,
    private readonly halts: HaltsRepository,
    private readonly effects: HaltEffectRepository,
    private readonly commands: ServerCommands,
    private readonly keys: ApiKeysService,
    private readonly events: Events,
    private readonly notInControl: NotInControl,
    private readonly closures: ClosuresService,
    private readonly decisions: DecisionsService,
    schedules: Schedules,
  ) {
    halts.onImposed((id) => void this.carryThrough(id));
    halts.endsBy((tx, caller, id, reason) => this.releaseWithin(tx, caller, id, reason));
    schedules.every(LOOK_EVERY_SECONDS, 'kill-switch.finish', () => this.finishAll());
    schedules.every(FLATTEN_EVERY_SECONDS, 'kill-switch.flatten', () => this.flattenLate());
  }

  /** Waits until a halt has taken effect, or for a second. What is left then goes on by itself. */
  async within(id: string, ms = ANSWER_WITHIN_MS): Promise<void> {
    const enough = new AbortController();
    await Promise.race([this.carryThrough(id), pause(ms, undefined, { signal: enough.signal }).catch(() => undefined)]);
    enough.abort();
  }

  /** Those that another server left, and those that have reached their end. */
  async finishAll(): Promise<void> {
    for (const { id, expired } of await this.halts.unfinished()) {
      if (expired) await inTransaction(this.dataSource, (tx) => this.releaseWithin(tx, null, id, 'expired'));
      else void this.carryThrough(id);
    }
  }

  private carryThrough(id: string): Promise<void> {
    const running = this.running.get(id) ?? this.untilDone(id).finally(() => this.running.delete(id));
    this.running.set(id, running);
    return running;
  }

  private async untilDone(id: string): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        if (await this.tryAll(id)) return;
      } catch (error) {
        this.log.warn(`halt ${id} is in force, and goes on being carried through: ${(error as Error).message}`);
      }
      await pause(AGAIN_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  /** First all accounts that nobody holds, in one transaction; then each by itself, so that one that is stuck holds up none. */
  private async tryAll(id: string): Promise<boolean> {
    const halt = await this.halts.byId(id);
    if (!halt || halt.effective_at !== null || halt.released_at !== null) return true;
    const all = await this.effects.accountsLeft(id);
    if (all.length > 0) await this.applyTo(halt, all, true).catch((error: Error) => this.log.debug(`one by one: ${error.message}`));
    const left = await this.effects.accountsLeft(id);
    // They get nothing that opens already; that it is so they need not learn late.
    if (left.length > 0) this.tell(await this.effects.agentsOn(id, left));
    const queue = [...left];
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let account = queue.shift(); account; account = queue.shift()) {
        await this.applyTo(halt, [account], false).catch((error: Error) => this.log.debug(`account ${account}: ${error.message}`));
      }
    }));
    if ((await this.effects.accountsLeft(id)).length > 0) return false;
    await inTransaction(this.dataSource, async (tx) => {
      if (!(await this.effects.noteEffective(tx, id))) return;
      await this.record(tx, null, 'halt.effective', halt, {});
      await this.decided(tx, null, 'ai_halted', halt, halt.reason);
    });
    await this.notInControl.look();
    return true;
  }

  /** @param free only those of the accounts that nobody holds */
  private applyTo(halt: HaltRow, accountIds: readonly string[], free: boolean): Promise<void> {
    return inTransaction(this.dataSource, async (tx) => {
      await tx.query(`set local lock_timeout = '${LOCK_MS}ms'`);
      const accounts = await this.effects.lockAccounts(tx, accountIds, free);
      const agents = await this.effects.lockAgents(tx, halt.id, accounts);
      // A release holds the same rows: what was queued after it is not cancelled.
      if ((await this.halts.byId(halt.id, tx))?.released_at !== null) return;
      await this.effects.cancelOpenings(tx, halt, agents, halt.imposed_by, halt.correlation_id);
      await this.cancelEntryOrders(tx, halt, agents);
      if (halt.mode === 'flatten') await this.wantFlat(tx, halt, agents);
      await this.effects.raiseVersions(tx, agents);
      await this.effects.noteAccounts(tx, halt.id, accounts);
      this.tellAfter(tx, agents);
    });
  }

  /** Those whose state says so cancel their own; of a symbol or a strategy each order is named. */
  private async cancelEntryOrders(tx: Tx, halt: HaltRow, agentIds: readonly string[]): Promise<void> {
    for (const { agent_id: agentId, trade_id: tradeId, broker_order_id: brokerOrderId, order_tag: orderTag } of await this.effects.entryOrders(tx, halt.id, agentIds)) {
      const order = tradeId !== null ? { tradeId } : brokerOrderId !== null ? { brokerOrderId } : { orderTag };
      await this.commands.queueCancel(tx, agentId, { ...order, reason: reasonOf(halt) });
    }
  }

  /** Trade by trade, until each is flat. Agents whose state says `flatten` close by themselves, and answer that it is done; one that cannot, or adopted trades that it does not know, would stay. */
  private async wantFlat(tx: Tx, halt: HaltRow, agentIds: readonly string[]): Promise<void> {
    await this.wantClosed(tx, halt, await this.effects.openTrades(tx, halt.id, agentIds));
  }

  /** What entered after that: openings that agents had leased and told of late, positions that only the broker knew. */
  private async flattenLate(): Promise<void> {
    for (const { halt_id: id, trade_ids: trades } of await this.effects.openSince()) {
      await inTransaction(this.dataSource, async (tx) => {
        const halt = await this.effects.holdInForce(tx, id);
        if (halt) await this.wantClosed(tx, halt, trades);
      });
    }
  }

  private async wantClosed(tx: Tx, halt: HaltRow, tradeIds: readonly string[]): Promise<void> {
    await this.closures.wantAll(tx, null, tradeIds.map((tradeId) => ({
      tradeId, cause: halt.source === 'breaker' ? 'breaker' : 'halt', haltId: halt.id, exitReason: 'flatten', detail: { reason: halt.reason, imposedBy: halt.imposed_by },
    })));
  }

  /**
   * Ends a halt. What was queued under it is cancelled first, with accounts and agents held: nothing is revived. Null when it is
   * released already.
   * @param ends what kind of halt its caller may end: a retirement is ended by `unretire` alone
   * @throws when an account or agent stays held for too long: then nothing has changed; 409 RETIRED
   */
  async releaseWithin(tx: Tx, caller: Caller | null, id: string, reason: string, ends: 'halt' | 'retirement' = 'halt'): Promise<HaltRow | null> {
    const by = caller ? actorOf(caller.principal) : 'system';
    const accounts = await this.effects.lockAccounts(tx, await this.effects.accountsInScope(tx, id), false);
    const agents = await this.effects.lockAgents(tx, id, accounts);
    const halt = await this.halts.byId(id, tx);
    if (!halt || halt.released_at !== null) return null;
    if (halt.source === 'retirement' && ends !== 'retirement') throw retired();
    await this.effects.cancelOpenings(tx, halt, agents, by, caller?.correlationId ?? null);
    const released = await this.halts.release(tx, id, by, reason);
    if (!released) return null;
    await this.effects.raiseVersions(tx, agents);
    await this.record(tx, caller, 'halt.released', released, { by, reason });
    await this.decided(tx, caller, 'ai_resumed', released, reason);
    this.tellAfter(tx, agents);
    return released;
  }

  /** What history keeps of a halt. */
  async record(tx: Tx, caller: Caller | null, type: 'halt.imposed' | 'halt.effective' | 'halt.released' | 'halt.release_requested', halt: HaltRow, data: Record<string, unknown>): Promise<void> {
    const { scope_type: scope, scope_id: scopeId, mode, reason, source, breaker } = halt;
    await this.events.append(tx, caller, [{
      type, subjectId: halt.id, agentId: scope === 'agent' ? scopeId : null, accountId: scope === 'account' ? scopeId : null,
      data: { scope, scopeId, mode, source, breaker, imposedBy: halt.imposed_by, why: reason, ...data },
    }]);
  }

  /** In the chain of the account that it holds, or of all. Not with the halt's first commit, which waits for nobody: whoever appends to a chain holds it. */
  private async decided(tx: Tx, caller: Caller | null, type: 'ai_halted' | 'ai_resumed', halt: HaltRow, reason: string): Promise<void> {
    const { id, scope_type: scope, scope_id: scopeId, mode, source, breaker, imposed_by: imposedBy, imposed_at: imposedAt } = halt;
    const [ofAgent] = scope === 'agent' ? await this.effects.accountsInScope(tx, id) : [];
    await this.decisions.append(tx, caller, {
      type, stream: (scope === 'account' ? scopeId : ofAgent) ?? SYSTEM_STREAM, haltId: id, agentId: scope === 'agent' ? scopeId : null,
      riskCheckResult: { scope, scopeId, mode, source, breaker, imposedBy, imposedAt }, humanOverride: caller ? { by: actorOf(caller.principal), reason } : null, reason,
    });
  }

  private tellAfter(tx: Tx, agentIds: readonly string[]): void {
    this.keys.forgetAfter(tx);
    afterCommit(tx, () => this.tell(agentIds));
  }

  private tell(agentIds: readonly string[]): void {
    if (agentIds.length > 0) this.commands.tellAtOnce(agentIds);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await Promise.race([Promise.allSettled(this.running.values()), pause(LEAVE_AFTER_MS, undefined, { ref: false })]);
  }
}

const reasonOf = ({ reason }: HaltRow) => `halted: ${reason}`.slice(0, 500);
