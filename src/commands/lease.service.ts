import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { AgentsService, instanceOf } from '../agents/agents.service.js';
import { desiredStateOf, sameDesired } from '../agents/desired-state.js';
import { agentOf, mustOwn } from '../auth/own-rows.js';
import { Draining } from '../common/draining.js';
import type { Caller } from '../common/http/caller.js';
import { type LeaseOutcome, Metrics } from '../common/metrics.js';
import { actorOf } from '../common/principal.js';
import { conflict, notFound, type Problem } from '../common/problem.js';
import { inside } from '../database/statements.js';
import { afterCommit, inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { CommandIncidents } from './command-incidents.js';
import { afterFailure } from './command-state.js';
import type { CommandTypeName } from './command-types.js';
import { type CommandRow, CommandsRepository, type CommandWithAttempts } from './commands.repository.js';
import { type extendSchema, type failSchema, type leaseAnswerSchema, type leaseSchema, toLeasedCommand } from './commands.schemas.js';
import { type Completion, CompletionRepository } from './completion.repository.js';
import { type HandedOut, HandOutRepository, type LeaseAsk } from './hand-out.repository.js';
import { LeaseRepository } from './lease.repository.js';
import { Parking } from './parking.js';
import { Sweeper } from './sweeper.js';

type FailBody = z.output<typeof failSchema>;

/** What a client that does not wait is told to leave between two asks. */
const POLL_EVERY_MS = 1_000;

/** What modules above do with the results of a type of command. */
export interface CompletionHook {
  /** Takes the locks that come before the agent's. */
  hold: (tx: Tx, agentId: string) => Promise<void>;
  /** Takes those that come after the agent's and before the command's. */
  before?: (tx: Tx, commandId: string, result: unknown) => Promise<void>;
  /** In the transaction that ends the command. A problem that it throws leaves the command leased. */
  took: (tx: Tx, caller: Caller, command: CommandRow, result: unknown) => Promise<void>;
}

/** What an agent does with the queue: lease, extend, complete, fail. */
@Injectable()
export class LeaseService {
  private readonly completionHooks = new Map<CommandTypeName, CompletionHook>();
  private readonly unknownHooks: ((agentId: string, type: CommandTypeName) => void)[] = [];

  constructor(
    private readonly dataSource: DataSource,
    private readonly leases: LeaseRepository,
    private readonly commands: CommandsRepository,
    private readonly handOuts: HandOutRepository,
    private readonly completions: CompletionRepository,
    private readonly agents: AgentsService,
    private readonly events: Events,
    private readonly parking: Parking,
    private readonly sweeper: Sweeper,
    private readonly draining: Draining,
    private readonly metrics: Metrics,
    private readonly incidents: CommandIncidents,
  ) {}

  /** Those types are completed in transactions of their own: see completion.repository.ts. */
  onComplete(type: CommandTypeName, hook: CompletionHook): void {
    this.completionHooks.set(type, hook);
  }

  /** After an agent has said that it does not know what became of a command. */
  onUnknown(hook: (agentId: string, type: CommandTypeName) => void): void {
    this.unknownHooks.push(hook);
  }

  /** @param gone aborted when the client's connection has closed: nothing is leased for nobody */
  async lease(caller: Caller, agentId: string, ask: z.output<typeof leaseSchema>, gone: AbortSignal): Promise<{ rows: CommandRow[]; answer: z.output<typeof leaseAnswerSchema> }> {
    const deadline = Date.now() + ask.waitSeconds * 1000;
    const wanted = askOf(caller, agentId, ask);
    let { agent, rows } = await this.tryLease(caller, wanted);
    const began = agent;
    for (let left = ask.waitSeconds * 1000; rows.length === 0 && sameDesired(agent, began) && left > 0 && !this.draining.begun && !gone.aborted; left = deadline - Date.now()) {
      const given = await this.parking.wait(wanted, left, gone);
      if (given) ({ agent, rows } = this.counted(wanted, given));
      // Its client has gone, or is to go elsewhere: nothing is leased for nobody.
      else if (!this.draining.begun && !gone.aborted) ({ agent, rows } = await this.tryLease(caller, wanted));
    }
    const full = rows.length === ask.max;
    // There may be more than this poll takes: another one that waits gets its turn.
    if (full) this.parking.wakeNext(agentId);
    const nextPollAfterMs = full || (ask.waitSeconds >= 1 && !this.draining.begun) ? 0 : POLL_EVERY_MS;
    return { rows, answer: { commands: rows.map(toLeasedCommand), desiredState: desiredStateOf(agent), nextPollAfterMs, serverTime: new Date().toISOString() } };
  }

  private async tryLease(caller: Caller, ask: LeaseAsk): Promise<HandedOut> {
    let handedOut = await this.handOuts.lease(ask);
    if (handedOut?.hasLapsed && handedOut.rows.length < ask.max) handedOut = await this.leaseAfterLapse(ask, handedOut);
    if (!handedOut) throw notFound('agent');
    if (handedOut.otherInstance !== null) throw await this.agents.otherInstance(caller, ask.agentId, handedOut.otherInstance);
    return this.counted(ask, handedOut);
  }

  private counted(ask: LeaseAsk, handedOut: HandedOut): HandedOut {
    this.metrics.leaseOutcome('leased', handedOut.rows.length);
    if (handedOut.rows.length > 0) this.sweeper.expectIn(ask.leaseSeconds);
    return handedOut;
  }

  /** What an earlier lease held is due again at once; the sweeper, which does this by the clock, may be late. */
  private async leaseAfterLapse(ask: LeaseAsk, first: HandedOut): Promise<HandedOut> {
    this.metrics.leaseOutcome('lapsed', (await this.leases.lapse(ask.agentId)).length);
    if (first.rows.length > 0) return first;
    return (await this.handOuts.lease(ask)) ?? first;
  }

  /** Takes back what has lapsed, as part of a transaction; before `leaseWithin`. */
  async lapseWithin(tx: Tx, agentId: string): Promise<void> {
    this.countWithin(tx, 'lapsed', (await this.leases.lapse(agentId, tx)).length);
  }

  /** What is due, as part of a transaction that answers its caller and nobody else; the caller counts what it keeps. @param ask.bytesMost of a payload; larger ones are passed over */
  async leaseWithin(tx: Tx, caller: Caller, agentId: string, ask: { max: number; leaseSeconds: number; bytesMost: number }): Promise<CommandRow[]> {
    const handedOut = await this.handOuts.leaseWithin(inside(tx), { ...askOf(caller, agentId, ask), bytesMost: ask.bytesMost });
    if (!handedOut) throw notFound('agent');
    afterCommit(tx, () => this.sweeper.expectIn(ask.leaseSeconds));
    return handedOut.rows;
  }

  /** A command that this transaction has queued, in its own answer; null when another copy of the agent holds the trading lease. */
  async leaseNew(tx: Tx, caller: Caller, agentId: string, commandId: string, leaseSeconds: number): Promise<CommandRow | null> {
    const handedOut = await this.handOuts.leaseWithin(inside(tx), { ...askOf(caller, agentId, { max: 1, leaseSeconds }), only: commandId });
    const [row = null] = handedOut?.rows ?? [];
    if (row) {
      this.countWithin(tx, 'leased');
      afterCommit(tx, () => this.sweeper.expectIn(leaseSeconds));
    }
    return row;
  }

  /** Of commands that a sync handed out before: openings that it must not hand out again. */
  heldBack(tx: Tx, ids: readonly string[]): Promise<string[]> {
    return this.leases.heldBack(tx, ids);
  }

  /** Whether an answer that handed out an opening may hand it out again: to the same copy of the agent, and while no halt holds it. */
  mayHoldStill(caller: Caller, { id, leaseToken }: { id: string; leaseToken: string }): Promise<boolean> {
    return inTransaction(this.dataSource, async (tx) => (await this.leases.wasLeasedBy(tx, leaseToken, agentOf(caller).instanceId)) && (await this.leases.heldBack(tx, [id])).length === 0);
  }

  /** Some of the commands that are due and that `leaseWithin` passes over. */
  oversized(tx: Tx, agentId: string, bytesMost: number): Promise<string[]> {
    return this.leases.oversized(tx, agentId, bytesMost);
  }

  /** The answer never left: whoever asks next gets the commands at once. */
  async giveBack(rows: CommandRow[], nothingWasSent: boolean): Promise<void> {
    const tokens = rows.flatMap((row) => row.lease_token ?? []);
    if (tokens.length === 0) return;
    for (const { agent_id, count } of await this.leases.giveBack(tokens, nothingWasSent)) {
      this.metrics.leaseOutcome('given_back', count);
      this.parking.wake(agent_id);
    }
  }

  /** Ends a command. Repeated with the same token it answers the same; a lost lease is a 409. */
  async complete(caller: Caller, id: string, token: string, result: unknown): Promise<CommandWithAttempts> {
    const completion = completionOf(caller, id, token, result);
    const done = await this.completions.complete(completion);
    if (!done) return this.completeAlone(caller, completion);
    this.metrics.leaseOutcome('succeeded');
    return done;
  }

  private async completeAlone(caller: Caller, completion: Completion): Promise<CommandWithAttempts> {
    const { type } = await this.ownCommand(caller, completion.id);
    await inTransaction(this.dataSource, async (tx) => {
      await this.completionHooks.get(type)?.hold(tx, completion.agentId);
      // The agent before its command, as all do that change both.
      await this.agents.lock(tx, completion.agentId);
      await this.endWithin(tx, caller, completion);
    });
    return this.read(completion.id);
  }

  /** As `complete`, as part of a transaction. */
  completeWithin(tx: Tx, caller: Caller, id: string, token: string, result: unknown): Promise<void> {
    return this.endWithin(tx, caller, completionOf(caller, id, token, result));
  }

  private async endWithin(tx: Tx, caller: Caller, completion: Completion): Promise<void> {
    // A sync does not know the type of what it ends yet.
    for (const { before } of this.completionHooks.values()) await before?.(tx, completion.id, completion.result);
    const row = await this.completions.completeWithin(inside(tx), completion);
    if (!row && (await this.leases.outcomeOf(tx, completion.id, completion.token)) !== 'succeeded') throw this.leaseLost();
    if (row?.type === 'update_config') await this.takeOverConfig(tx, caller, row);
    if (row) await this.completionHooks.get(row.type)?.took(tx, caller, row, completion.result);
    if (row) this.countWithin(tx, 'succeeded');
  }

  /** The stored configuration is what the agent runs with: it changes when the agent says that it took the change. */
  private async takeOverConfig(tx: Tx, caller: Caller, command: CommandRow): Promise<void> {
    const agent = await this.agents.lock(tx, command.agent_id);
    await this.agents.setConfig(tx, caller, agent, { ...agent.config, ...(command.payload['config'] as Record<string, unknown>) });
  }

  async fail(caller: Caller, id: string, body: FailBody): Promise<CommandWithAttempts> {
    await this.ownCommand(caller, id);
    await inTransaction(this.dataSource, (tx) => this.failWithin(tx, caller, id, body));
    return this.read(id);
  }

  /** As `fail`, as part of a transaction. */
  async failWithin(tx: Tx, caller: Caller, id: string, { leaseToken, outcome, error, retryable }: FailBody): Promise<void> {
    const { agentId } = agentOf(caller);
    const command = await this.leases.lockLeased(tx, id, agentId, leaseToken);
    if (!command) {
      if ((await this.leases.outcomeOf(tx, id, leaseToken)) !== outcome) throw this.leaseLost();
      return;
    }
    const after = afterFailure({
      class: command.class, failures: command.failures, maxAttempts: command.max_attempts, cancelRequested: command.cancel_requested,
      outcome, errorCode: error.code, retryable: retryable && !command.once,
    });
    await this.leases.fail(tx, command, after, outcome, error);
    await this.events.append(tx, caller, [{
      type: `command.${after.status === 'queued' ? 'failed_attempt' : after.status}`, subjectId: id, agentId,
      data: { type: command.type, outcome, code: error.code, attempt: command.attempt, status: after.status },
    }]);
    await this.incidents.failed(tx, caller, command, outcome, error);
    if (after.status === 'unknown') afterCommit(tx, () => this.unknownHooks.forEach((hook) => hook(agentId, command.type)));
    this.countWithin(tx, outcome);
  }

  async extend(caller: Caller, id: string, { leaseToken, leaseSeconds }: z.output<typeof extendSchema>) {
    const { agent_id: agentId } = await this.ownCommand(caller, id);
    const extended = await this.leases.extend(id, agentId, leaseToken, leaseSeconds);
    if (!extended) throw this.leaseLost();
    return { leaseExpiresAt: extended.lease_expires_at ?? '', cancelRequested: extended.cancel_requested };
  }

  private async ownCommand(caller: Caller, id: string): Promise<Pick<CommandRow, 'agent_id' | 'type'>> {
    const command = await this.commands.ownerOf(id);
    if (!command) throw notFound('command');
    mustOwn(caller, command.agent_id);
    return command;
  }

  private async read(id: string): Promise<CommandWithAttempts> {
    const command = await this.commands.byId(id);
    if (!command) throw notFound('command');
    return command;
  }

  /** Counts what a transaction does, if it commits. */
  countWithin(tx: Tx, outcome: LeaseOutcome, count = 1): void {
    afterCommit(tx, () => this.metrics.leaseOutcome(outcome, count));
  }

  private leaseLost(): Problem {
    this.metrics.leaseOutcome('lost');
    return conflict('COMMAND_LEASE_LOST', 'This lease has run out or was never given: the command may be with somebody else. Lease again to get it.');
  }
}

const completionOf = (caller: Caller, id: string, token: string, result: unknown): Completion => ({
  id, agentId: agentOf(caller).agentId, token, result, actor: actorOf(caller.principal), correlationId: caller.correlationId,
});

const askOf = (caller: Caller, agentId: string, { max, leaseSeconds }: { max: number; leaseSeconds: number }): LeaseAsk => ({
  agentId, max, leaseSeconds, instanceId: instanceOf(caller), keyId: agentOf(caller).keyId, actor: actorOf(caller.principal), correlationId: caller.correlationId,
  bytesMost: null, only: null,
});
