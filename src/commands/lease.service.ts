import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { AgentsRepository, type AgentWithState } from '../agents/agents.repository.js';
import { AgentsService, instanceOf } from '../agents/agents.service.js';
import { desiredStateOf } from '../agents/desired-state.js';
import { mustOwn } from '../auth/own-rows.js';
import { Draining } from '../common/draining.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { conflict, notFound } from '../common/problem.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { afterFailure } from './command-state.js';
import { type CommandRow, CommandsRepository, type CommandWithAttempts } from './commands.repository.js';
import { type extendSchema, type failSchema, type leaseAnswerSchema, type leaseSchema, toLeasedCommand } from './commands.schemas.js';
import { LeaseRepository } from './lease.repository.js';
import { Parking } from './parking.js';
import { Sweeper } from './sweeper.js';

/** What a client that does not wait is told to leave between two asks. */
const POLL_EVERY_MS = 1_000;

/** What an agent does with the queue: lease, extend, complete, fail. */
@Injectable()
export class LeaseService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly leases: LeaseRepository,
    private readonly commands: CommandsRepository,
    private readonly agentRows: AgentsRepository,
    private readonly agents: AgentsService,
    private readonly events: Events,
    private readonly parking: Parking,
    private readonly sweeper: Sweeper,
    private readonly draining: Draining,
  ) {}

  /** @param gone aborted when the client's connection has closed: nothing is leased for nobody */
  async lease(caller: Caller, agentId: string, ask: z.output<typeof leaseSchema>, gone: AbortSignal): Promise<{ rows: CommandRow[]; answer: z.output<typeof leaseAnswerSchema> }> {
    const deadline = Date.now() + ask.waitSeconds * 1000;
    const instanceId = instanceOf(caller);
    let rows: CommandRow[] = [];
    while (!this.draining.begun && !gone.aborted) {
      rows = await this.tryLease(caller, agentId, ask, instanceId);
      const left = deadline - Date.now();
      if (rows.length > 0 || left <= 0) break;
      await this.parking.wait(agentId, left, gone);
    }
    const full = rows.length === ask.max;
    // There may be more than this poll takes: another one that waits gets its turn.
    if (full) this.parking.wakeNext(agentId);
    const agent = await this.agentAfter(agentId, rows);
    const nextPollAfterMs = full || (ask.waitSeconds >= 1 && !this.draining.begun) ? 0 : POLL_EVERY_MS;
    return { rows, answer: { commands: rows.map(toLeasedCommand), desiredState: desiredStateOf(agent), nextPollAfterMs, serverTime: new Date().toISOString() } };
  }

  /** If this fails, nothing of the lease has been said to anybody: then it is as if it had not been. */
  private async agentAfter(agentId: string, rows: CommandRow[]): Promise<AgentWithState> {
    try {
      const agent = await this.agentRows.withState(agentId);
      if (!agent) throw notFound('agent');
      return agent;
    } catch (error) {
      await this.giveBack(rows, true).catch(() => undefined);
      throw error;
    }
  }

  private async tryLease(caller: Caller, agentId: string, ask: z.output<typeof leaseSchema>, instanceId: string | null): Promise<CommandRow[]> {
    const keyId = caller.principal.kind === 'agent' ? caller.principal.keyId : null;
    await this.leases.lapse(agentId);
    const rows = await this.leases.lease({
      agentId, max: ask.max, leaseSeconds: ask.leaseSeconds, instanceId, keyId, actor: actorOf(caller.principal), correlationId: caller.correlationId,
    });
    if (rows.length > 0) this.sweeper.expectIn(ask.leaseSeconds);
    return rows;
  }

  /** The answer never left: whoever asks next gets the commands at once. */
  async giveBack(rows: CommandRow[], nothingWasSent: boolean): Promise<void> {
    const tokens = rows.flatMap((row) => row.lease_token ?? []);
    if (tokens.length === 0) return;
    for (const { agent_id } of await this.leases.giveBack(tokens, nothingWasSent)) this.parking.wake(agent_id);
  }

  /** Ends a command. Repeated with the same token it answers the same; a lost lease is a 409. */
  async complete(caller: Caller, id: string, token: string, result: unknown): Promise<CommandWithAttempts> {
    const agentId = await this.ownAgent(caller, id);
    const done = await inTransaction(this.dataSource, async (tx) => {
      const row = await this.leases.complete(tx, { id, agentId, token, result, actor: actorOf(caller.principal), correlationId: caller.correlationId });
      if (row?.type === 'update_config') await this.takeOverConfig(tx, caller, row);
      return row;
    });
    if (!done && (await this.leases.outcomeOf(id, token)) !== 'succeeded') throw leaseLost();
    return this.read(id);
  }

  /** The stored configuration is what the agent runs with: it changes when the agent says that it took the change. */
  private async takeOverConfig(tx: Tx, caller: Caller, command: CommandRow): Promise<void> {
    const agent = await this.agents.lock(tx, command.agent_id);
    await this.agents.setConfig(tx, caller, agent, { ...agent.config, ...(command.payload['config'] as Record<string, unknown>) });
  }

  async fail(caller: Caller, id: string, { leaseToken, outcome, error, retryable }: z.output<typeof failSchema>): Promise<CommandWithAttempts> {
    const agentId = await this.ownAgent(caller, id);
    const failed = await inTransaction(this.dataSource, async (tx) => {
      const command = await this.leases.lockLeased(tx, id, agentId, leaseToken);
      if (!command) return null;
      const after = afterFailure({
        class: command.class, failures: command.failures, maxAttempts: command.max_attempts, cancelRequested: command.cancel_requested,
        outcome, errorCode: error.code, retryable: retryable && !command.once,
      });
      await this.leases.fail(tx, command, after, outcome, error);
      await this.events.append(tx, caller, [{
        type: `command.${after.status === 'queued' ? 'failed_attempt' : after.status}`, subjectId: id, agentId,
        data: { type: command.type, outcome, code: error.code, attempt: command.attempt, status: after.status },
      }]);
      return after;
    });
    if (!failed && (await this.leases.outcomeOf(id, leaseToken)) !== outcome) throw leaseLost();
    return this.read(id);
  }

  async extend(caller: Caller, id: string, { leaseToken, leaseSeconds }: z.output<typeof extendSchema>) {
    const agentId = await this.ownAgent(caller, id);
    const extended = await this.leases.extend(id, agentId, leaseToken, leaseSeconds);
    if (!extended) throw leaseLost();
    return { leaseExpiresAt: extended.lease_expires_at ?? '', cancelRequested: extended.cancel_requested };
  }

  private async ownAgent(caller: Caller, id: string): Promise<string> {
    const agentId = await this.commands.agentOf(id);
    if (agentId === null) throw notFound('command');
    mustOwn(caller, agentId);
    return agentId;
  }

  private async read(id: string): Promise<CommandWithAttempts> {
    const command = await this.commands.byId(id);
    if (!command) throw notFound('command');
    return command;
  }
}

const leaseLost = () => conflict('COMMAND_LEASE_LOST', 'This lease has run out or was never given: the command may be with somebody else. Lease again to get it.');
