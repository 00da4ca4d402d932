import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { CONFIG_BYTES_MAX } from '../agents/agents.schemas.js';
import type { AgentRow } from '../agents/agents.repository.js';
import { AgentsService } from '../agents/agents.service.js';
import { mustOwn } from '../auth/own-rows.js';
import { Exact } from '../common/decimal.js';
import type { Caller } from '../common/http/caller.js';
import type { Attempted } from '../common/http/once.js';
import { parsed } from '../common/http/validation.js';
import { actorOf } from '../common/principal.js';
import { badRequest, conflict, forbidden, notFound } from '../common/problem.js';
import type { Claim } from '../database/idempotency.js';
import { afterCommit, inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { halted } from '../halts/halted.js';
import { HaltsRepository } from '../halts/halts.repository.js';
import type { ExitReason } from '../trades/trade-fields.js';
import { TradesService } from '../trades/trades.service.js';
import { CommandIncidents } from './command-incidents.js';
import { classOfConfigChange, classOfStopMove } from './command-class.js';
import { type CommandStatus, DEFAULT_MAX_ATTEMPTS } from './command-state.js';
import { COMMAND_TYPES, type CommandClass, type CommandType, type CommandTypeName, isEmergencyType, PRIORITIES } from './command-types.js';
import { type CancelledRow, type CommandRow, CommandsRepository, type CommandWithAttempts, type NewCommand } from './commands.repository.js';
import type { commandSchema, createCommandSchema, settleSchema } from './commands.schemas.js';
import { EnqueueRepository } from './enqueue.repository.js';
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

  /**
   * Asks agents what their brokers show, unless they are asked already.
   * @param seconds in which one was not asked before
   */
  async askToReconcile(tx: Tx, caller: Caller | null, agentIds: readonly string[], seconds: number, payloadOf: (agentId: string) => Record<string, unknown>): Promise<void> {
    const by = caller ? madeBy(caller) : { actor: 'system', correlationId: null };
    for (const agentId of await this.commands.withoutWaiting(tx, agentIds, 'reconcile', seconds)) {
      const command = newCommand(by, agentId, { type: 'reconcile' }, 'neutral', payloadOf(agentId));
      const row = await this.commands.insert(tx, command);
      await this.events.append(tx, caller, [{ type: 'command.created', subjectId: row.id, agentId, data: createdData(command) }]);
      afterCommit(tx, () => this.announce(row));
    }
  }

  /** What reduces, made by the server. The agents are locked, in the order of their ids. */
  async queueReduction(tx: Tx, caller: Caller | null, agentId: string, type: 'close_trade' | 'cancel_order', payload: Record<string, unknown>): Promise<void> {
    const command = newCommand(caller ? madeBy(caller) : { actor: 'system', correlationId: null }, agentId, { type }, 'reduces', payload);
    const row = await this.commands.insert(tx, command);
    await this.events.append(tx, caller, [{ type: 'command.created', subjectId: row.id, agentId, data: createdData(command) }]);
    afterCommit(tx, () => this.announce(row));
  }

  /** After the commit of what changes what these agents should be doing: their polls end with it, with or without commands. */
  tellAtOnce(agentIds: readonly string[]): void {
    void this.parking.wakeAll(agentIds);
  }

  /**
   * Queues the close of a trade, or of a part of it, for who wants it closed until it is. Null where nothing is to be sent: the
   * agent is retired, nothing is open, or something under way may close it. The trade is locked.
   * @param size null: all that is open
   */
  async closeWithin(tx: Tx, agentId: string, tradeId: string, { size, reason, exitReason, correlationId }: { size: string | null; reason: string; exitReason: ExitReason; correlationId: string | null }): Promise<CommandRow | null> {
    if ((await this.commands.agentTakesCommands(tx, agentId)) !== 'yes') return null;
    const trade = await this.trades.openSize(tx, agentId, tradeId);
    if (!trade || new Exact(trade.openSize).lte(0) || (await this.commands.isBeingClosed(tx, agentId, tradeId))) return null;
    const part = size !== null && new Exact(size).lt(trade.openSize) ? { size } : {};
    const command = newCommand({ actor: 'system', correlationId }, agentId, { type: 'close_trade' }, 'reduces', { tradeId, ...part, reason });
    const row = await this.commands.insert(tx, command);
    await this.trades.noteClosing(tx, tradeId, exitReason);
    await this.events.append(tx, null, [{ type: 'command.created', subjectId: row.id, agentId, data: createdData(command) }]);
    afterCommit(tx, () => this.announce(row));
    return row;
  }

  /** A close that is not wanted any more: queued it ends, leased it is marked. What nobody knows the outcome of stays. */
  async cancelClose(tx: Tx, caller: Caller | null, id: string, reason: string): Promise<void> {
    const command = await this.commands.lock(tx, id);
    if (!command || command.finished_at !== null || command.status === 'unknown' || command.cancel_requested) return;
    if (command.status === 'leased') await this.commands.requestCancel(tx, id, reason);
    else await this.commands.setStatus(tx, id, 'cancelled', { reason });
    await this.events.append(tx, caller, [cancelEvent(command.agent_id, command)]);
  }

  /** A close that waits takes no more than is left of what it was to close. */
  async shrinkClose(tx: Tx, id: string, size: string): Promise<void> {
    const command = await this.commands.lock(tx, id);
    const asked = command?.payload['size'];
    if (!command || !['queued', 'waiting_for_market'].includes(command.status) || typeof asked !== 'string' || new Exact(asked).lte(size)) return;
    await this.commands.setSize(tx, id, size);
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

  /** `kill`, `stop`, `pause` and `flatten` also end a `start` or `resume` that still waits: delivered after them it would revive the agent. */
  private async supersede(tx: Tx, row: CommandRow, type: CommandType, sameType: boolean): Promise<CancelledRow[]> {
    const types = [...(sameType ? [row.type] : []), ...(type.run && type.run !== 'running' ? ['start', 'resume'] : [])];
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
/** What became of a command that another one, or the end of its agent, overtook. */
const cancelEvent = (agentId: string, { id, type, status }: CancelledRow) => ({
  type: status === 'leased' ? 'command.cancel_requested' : 'command.cancelled', subjectId: id, agentId, data: { type },
});
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

const checkedPayload = (type: CommandTypeName, payload: Record<string, unknown>): Record<string, unknown> => parsed(COMMAND_TYPES[type].payload, payload, 'payload');

const madeBy = ({ principal, correlationId }: Caller) => ({ actor: actorOf(principal), correlationId });

function newCommand(by: { actor: string; correlationId: string | null }, agentId: string, body: NewCommandBody, kind: CommandClass, payload: Record<string, unknown>): NewCommand {
  checkTimes(body, kind);
  return {
    id: uuidv7(), agentId, type: body.type, class: kind, once: false, payload, priority: PRIORITIES.indexOf(body.priority ?? COMMAND_TYPES[body.type].priority),
    notBefore: body.notBefore ?? null, expiresAt: body.expiresAt ?? null, tradeId: (payload['tradeId'] as string | undefined) ?? null,
    maxAttempts: kind === 'reduces' ? null : (body.maxAttempts ?? DEFAULT_MAX_ATTEMPTS), ...by,
  };
}

/** What a command's caller is told, but for the payload and the times that the database's clock decides. */
function answerOf(c: NewCommand): Omit<CommandAnswer, 'payload' | 'createdAt'> {
  return {
    id: c.id, agentId: c.agentId, type: c.type, class: c.class, priority: PRIORITIES[c.priority] ?? 'normal', status: 'queued', notBefore: c.notBefore ?? '',
    expiresAt: c.expiresAt, attempt: 0, failures: 0, maxAttempts: c.maxAttempts, leaseExpiresAt: null, cancelRequested: false, tradeId: c.tradeId, result: null,
    error: null, reason: null, createdBy: c.actor, correlationId: c.correlationId, finishedAt: null,
  };
}

const createdData = (c: NewCommand) => ({ type: c.type, class: c.class, priority: PRIORITIES[c.priority] });

function checkTimes(body: NewCommandBody, kind: CommandClass): void {
  // What the agent should do is stored at once, so such a command cannot begin later, nor lapse and leave it behind.
  for (const field of ['notBefore', 'expiresAt'] as const) {
    if ((COMMAND_TYPES[body.type] as CommandType).run && body[field] !== undefined) {
      throw badRequest('VALIDATION_FAILED', `${body.type} sets what the agent should be doing from now on: it has no times`, field);
    }
  }
  for (const field of ['expiresAt', 'maxAttempts'] as const) {
    if (kind === 'reduces' && body[field] !== undefined) {
      throw badRequest('VALIDATION_FAILED', `${body.type} reduces risk and comes until it is done: it has neither expiry nor attempt limit`, field);
    }
  }
  if (body.expiresAt === undefined) return;
  if (Date.parse(body.expiresAt) <= Date.now()) throw badRequest('VALIDATION_FAILED', 'lies in the past', 'expiresAt');
  if (body.notBefore !== undefined && Date.parse(body.expiresAt) <= Date.parse(body.notBefore)) {
    throw badRequest('VALIDATION_FAILED', 'must lie after notBefore', 'expiresAt');
  }
}
