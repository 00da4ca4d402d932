import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { CONFIG_BYTES_MAX } from '../agents/agents.schemas.js';
import type { AgentRow } from '../agents/agents.repository.js';
import { AgentsService } from '../agents/agents.service.js';
import { mustOwn } from '../auth/own-rows.js';
import { Exact } from '../common/decimal.js';
import type { Caller } from '../common/http/caller.js';
import type { Attempted } from '../common/http/once.js';
import { badRequest, conflict, forbidden, notFound } from '../common/problem.js';
import type { Claim } from '../database/idempotency.js';
import { afterCommit, inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { halted } from '../halts/halted.js';
import { HaltsRepository } from '../halts/halts.repository.js';
import { TradesService } from '../trades/trades.service.js';
import { CommandIncidents } from './command-incidents.js';
import { classOfConfigChange, classOfStopMove } from './command-class.js';
import type { CommandStatus } from './command-state.js';
import { COMMAND_TYPES, type CommandClass, type CommandType, type CommandTypeName, isEmergencyType } from './command-types.js';
import { type CancelledRow, type CommandRow, CommandsRepository, type CommandWithAttempts } from './commands.repository.js';
import type { commandSchema, createCommandSchema, settleSchema } from './commands.schemas.js';
import { EnqueueRepository } from './enqueue.repository.js';
import { answerOf, cancelEvent, checkedPayload, createdData, madeBy, newCommand } from './new-command.js';
import { Parking } from './parking.js';
import { Sweeper } from './sweeper.js';

type NewCommandBody = z.output<typeof createCommandSchema>;
type CommandAnswer = z.output<typeof commandSchema>;

/** What an operator does to the queue: create, cancel, requeue, settle. */
@Injectable()
export class CommandsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly commands: CommandsRepository,
    private readonly queue: EnqueueRepository,
    private readonly agents: AgentsService,
    private readonly trades: TradesService,
    private readonly events: Events,
    private readonly parking: Parking,
    private readonly sweeper: Sweeper,
    private readonly incidents: CommandIncidents,
    private readonly halts: HaltsRepository,
  ) {
    agents.onRetire((tx, caller, agentId, force) => this.leaveAgent(tx, caller, agentId, force));
  }

  /**
   * Queues a command that touches nothing but the queue, merged with those of other requests; `alone` for every other.
   * @throws {Problem} as `create`
   */
  async enqueue(caller: Caller, agentId: string, body: NewCommandBody, claim: Claim | null): Promise<Attempted<CommandAnswer>> {
    const payload = checked(caller, body);
    const type: CommandType = COMMAND_TYPES[body.type];
    if (type.class === 'computed' || type.run || body.supersedes === true || payload['tradeId'] !== undefined) return { outcome: 'alone' };
    const command = newCommand(madeBy(caller), agentId, body, type.class, payload);
    const enqueued = await this.queue.enqueue({ command, claim, answer: answerOf(command), data: createdData(command) });
    if (enqueued.outcome === 'made' && !enqueued.handedOut) this.announce({ agent_id: agentId, expires_at: command.expiresAt });
    return enqueued;
  }

  /**
   * Queues a command.
   * @throws {Problem} 409 COMMAND_NEEDS_IDEA for what may open a position: that is made by the gate only; 409 HALTED for what opens while a halt holds it
   */
  async create(tx: Tx, caller: Caller, agentId: string, body: NewCommandBody): Promise<CommandRow> {
    const type: CommandType = COMMAND_TYPES[body.type];
    const payload = checked(caller, body);
    const agent = await this.lockAgent(tx, agentId, type.run !== undefined || body.supersedes === true || body.type === 'update_config');
    const kind = await this.classOf(tx, agentId, agent, body.type, payload);
    if (kind === 'opens') await this.mayOpen(tx, agentId, payload);
    const command = newCommand(madeBy(caller), agentId, body, kind, payload);
    const row = await this.commands.insert(tx, command);
    const superseded = await this.supersede(tx, row, type, body.supersedes === true);
    if (type.run) await this.agents.setRun(tx, caller, agentId, type.run, { code: `COMMAND_${body.type.toUpperCase()}`, commandId: row.id, by: row.actor });
    await this.events.append(tx, caller, [
      ...superseded.map((old) => ({ ...cancelEvent(agentId, old), data: { type: old.type, supersededBy: row.id } })),
      { type: 'command.created', subjectId: row.id, agentId, data: createdData(command) },
    ]);
    afterCommit(tx, () => this.announce(row));
    return row;
  }

  /** After the commit of whatever put a command into the queue. */
  private announce(command: Pick<CommandRow, 'agent_id' | 'expires_at'>): void {
    this.parking.wake(command.agent_id);
    if (command.expires_at !== null) this.sweeper.expectIn((Date.parse(command.expires_at) - Date.now()) / 1000);
  }

  private async lockAgent(tx: Tx, agentId: string, exclusive: boolean): Promise<AgentRow | null> {
    if (exclusive) {
      const agent = await this.agents.lock(tx, agentId);
      if (agent.retired_at !== null) throw retired();
      return agent;
    }
    const takes = await this.commands.agentTakesCommands(tx, agentId);
    if (takes === 'missing') throw notFound('agent');
    if (takes === 'retired') throw retired();
    return null;
  }

  /** After the agent was locked: a halt that begins now waits for that, and then finds what was queued. @throws {Problem} 409 HALTED */
  async mayOpen(tx: Tx, agentId: string, payload: Record<string, unknown>): Promise<void> {
    const halt = await this.halts.ofOpening(tx, agentId, payload);
    if (halt) throw halted(halt);
  }

  private async classOf(tx: Tx, agentId: string, agent: AgentRow | null, type: CommandTypeName, payload: Record<string, unknown>): Promise<CommandClass> {
    if (type === 'update_config') {
      const [current, change] = [agent?.config ?? {}, payload['config'] as Record<string, unknown>];
      if (Buffer.byteLength(JSON.stringify({ ...current, ...change })) > CONFIG_BYTES_MAX) {
        throw badRequest('VALIDATION_FAILED', `would make the configuration larger than ${CONFIG_BYTES_MAX} bytes`, 'payload.config');
      }
      return classOfConfigChange(current, change);
    }
    const { tradeId, size, stopLoss } = payload as { tradeId?: string; size?: string; stopLoss?: string };
    if (tradeId !== undefined) {
      const trade = await this.trades.openSize(tx, agentId, tradeId);
      if (!trade) throw notFound('trade of this agent');
      if (type === 'close_trade') await this.mayClose(tx, tradeId, trade, size);
      // Loosening a stop adds risk: that goes through the gate, like an opening.
      if (type === 'modify_trade') {
        if (classOfStopMove(trade.direction, trade.stopLoss, stopLoss) !== 'reduces') throw needsIdea();
        return 'reduces';
      }
    }
    return COMMAND_TYPES[type].class as CommandClass;
  }

  /** Closes that are under way count: on a netting account two full ones would reverse the position. */
  private async mayClose(tx: Tx, tradeId: string, trade: { status: string; openSize: string }, size: string | undefined): Promise<void> {
    if (new Exact(trade.openSize).lte(0)) throw conflict('TRADE_NOT_OPEN', `The trade is ${trade.status}: there is nothing to close.`);
    const closing = await this.commands.beingClosed(tx, tradeId);
    const left = closing.whole ? new Exact(0) : new Exact(trade.openSize).minus(closing.size);
    if (left.lte(0) || (size !== undefined && left.lt(size))) {
      throw conflict('CLOSE_EXCEEDS_POSITION', `${trade.openSize} of this trade is open, and commands under way close ${closing.whole ? 'all' : closing.size} of it.`);
    }
  }

  /** `kill`, `stop`, `pause` and `flatten` also end a `start` or `resume` that still waits, delivered after them it would revive the agent; and openings. */
  private async supersede(tx: Tx, row: CommandRow, type: CommandType, sameType: boolean): Promise<CancelledRow[]> {
    const types = [...(sameType ? [row.type] : []), ...(type.run && type.run !== 'running' ? ['start', 'resume', 'open_trade'] : [])];
    return types.length === 0 ? [] : this.commands.cancelOpen(tx, row.agent_id, types, 'superseded', row.id);
  }

  private async leaveAgent(tx: Tx, caller: Caller, agentId: string, force: boolean): Promise<void> {
    const open = await this.trades.openCount(tx, agentId);
    if (open > 0 && !force) throw conflict('AGENT_HAS_OPEN_TRADES', `The agent has ${open} open trade(s): close them, or send "force": true.`);
    const cancelled = await this.commands.cancelOpen(tx, agentId, null, 'agent retired');
    await this.events.append(tx, caller, cancelled.map((old) => cancelEvent(agentId, old)));
  }

  async get(caller: Caller, id: string): Promise<CommandWithAttempts> {
    const command = await this.commands.byId(id);
    if (!command) throw notFound('command');
    mustOwn(caller, command.agent_id);
    return command;
  }

  /** What is queued ends; what is leased is marked, and its agent learns of it when it extends or the lease lapses. */
  cancel(caller: Caller, id: string, reason: string): Promise<CommandWithAttempts> {
    return this.change(caller, id, async (tx, command) => {
      if (command.status === 'cancelled') return null;
      if (command.status === 'leased') {
        if (command.cancel_requested) return null;
        await this.commands.requestCancel(tx, id, reason);
        return 'command.cancel_requested';
      }
      if (command.status === 'unknown') throw conflict('COMMAND_UNKNOWN', 'What became of it is unknown: settle it instead.');
      if (command.finished_at !== null) throw conflict('COMMAND_FINISHED', `The command is ${command.status} already.`);
      await this.commands.setStatus(tx, id, 'cancelled', { reason });
      return 'command.cancelled';
    });
  }

  async requeue(caller: Caller, id: string, reason: string | undefined): Promise<CommandWithAttempts> {
    const command = await this.change(caller, id, async (tx, row) => {
      if (row.status !== 'dead') throw conflict('COMMAND_NOT_DEAD', `Only a dead command goes back; this one is ${row.status}.`);
      if (row.once) throw needsIdea();
      if ((await this.commands.agentTakesCommands(tx, row.agent_id)) !== 'yes') throw retired();
      if (row.class === 'opens') await this.mayOpen(tx, row.agent_id, row.payload);
      await this.commands.setStatus(tx, id, 'queued', { reason: reason ?? null, failures: 0 });
      return 'command.requeued';
    });
    this.announce(command);
    return command;
  }

  /** A person's word on what became of an unknown command; `not_sent` and `rejected` end it as failed. */
  settle(caller: Caller, id: string, { outcome, reason }: z.output<typeof settleSchema>): Promise<CommandWithAttempts> {
    return this.change(caller, id, async (tx, command) => {
      if (command.status !== 'unknown') throw conflict('COMMAND_NOT_UNKNOWN', `Only an unknown command is settled; this one is ${command.status}.`);
      await this.commands.setStatus(tx, id, outcome === 'succeeded' ? 'succeeded' : 'failed', { reason });
      await this.incidents.settled(tx, caller, id, outcome);
      return 'command.settled';
    });
  }

  /** What the broker shows has settled a command, which is locked. Of what reduces and was not done another try is made. */
  async settleWithin(tx: Tx, caller: Caller, command: CommandRow, done: boolean, reason: string): Promise<CommandStatus> {
    const status = done ? 'succeeded' : command.class === 'reduces' ? 'queued' : 'failed';
    await this.commands.setStatus(tx, command.id, status, { reason });
    await this.incidents.settled(tx, caller, command.id, done ? 'succeeded' : 'not_sent');
    await this.events.append(tx, caller, [{ type: 'command.settled', subjectId: command.id, agentId: command.agent_id, data: { from: command.status, to: status, reason } }]);
    if (status === 'queued') afterCommit(tx, () => this.announce(command));
    return status;
  }

  /** Locks the command, lets `work` change it, and says so in the event log; `work` answers null when nothing changed. */
  private change(caller: Caller, id: string, work: (tx: Tx, command: CommandRow) => Promise<string | null>): Promise<CommandWithAttempts> {
    return inTransaction(this.dataSource, async (tx) => {
      const command = await this.commands.lock(tx, id);
      if (!command) throw notFound('command');
      const event = await work(tx, command);
      const changed = await this.commands.byId(id, tx);
      if (!changed) throw new Error('the locked command is gone');
      if (event) await this.events.append(tx, caller, [{ type: event, subjectId: id, agentId: command.agent_id, data: { from: command.status, to: changed.status, reason: changed.reason } }]);
      return changed;
    });
  }
}

const isAdmin = ({ principal }: Caller) => principal.kind === 'user' && principal.role === 'admin';
const needsIdea = () => conflict('COMMAND_NEEDS_IDEA', 'What adds risk is made by the gate from a trade idea, not queued by hand.');
const retired = () => conflict('AGENT_RETIRED', 'The agent is retired and takes no commands.');

/** The payload, after every check that needs no row. */
function checked(caller: Caller, body: NewCommandBody): Record<string, unknown> {
  if (body.type === 'open_trade') throw needsIdea();
  const payload = checkedPayload(body.type, body.payload ?? {});
  if (isEmergencyType(body.type) && body.priority !== undefined && body.priority !== 'emergency') {
    throw badRequest('VALIDATION_FAILED', `${body.type} is always an emergency: nothing may come before it`, 'priority');
  }
  if (body.priority === 'emergency' && !isEmergencyType(body.type) && !isAdmin(caller)) {
    throw forbidden('ROLE_TOO_LOW', 'Priority emergency on this type takes an administrator.');
  }
  return payload;
}
