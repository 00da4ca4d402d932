import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { AccountDaysService } from '../accounts/account-days.service.js';
import type { AccountReport } from '../accounts/account-reports.repository.js';
import { AccountsService } from '../accounts/accounts.service.js';
import { ApiKeysService } from '../auth/api-keys.service.js';
import type { Origin } from '../auth/audit.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf, SCOPES } from '../common/principal.js';
import { badRequest, conflict, forbidden, notFound, Problem } from '../common/problem.js';
import { inside } from '../database/statements.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { AgentHalts } from '../halts/agent-halts.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import { AgentVersions } from './agent-versions.service.js';
import { differences, hasChanged } from './account-match.js';
import { type AgentRow, type AgentWithState, AgentsRepository, type Run, type RunReason, type VersionTold } from './agents.repository.js';
import type { changeAgentSchema, createAgentSchema, createKeySchema, heartbeatSchema } from './agents.schemas.js';
import { type DesiredState, desiredStateOf } from './desired-state.js';
import { type Heartbeat, type HeartbeatAnswer, HeartbeatRepository } from './heartbeat.repository.js';
import { TRADING_LEASE_SECONDS, WIND_DOWN_AFTER_SECONDS } from './liveness.js';

const MISMATCH_REASON = 'ACCOUNT_MISMATCH: its terminal is on another account than the registered one';

type NewAgent = z.output<typeof createAgentSchema>;
type AgentChange = z.output<typeof changeAgentSchema>;
type HeartbeatBody = z.output<typeof heartbeatSchema>;

/** What an agent is told, and what it told of its account. */
export interface Heard {
  desiredState: DesiredState;
  report: AccountReport | null;
  /** What it says that it trades on has begun or ceased to differ from its account. */
  accountChanged: boolean;
  /** It runs other code, or another configuration, than is stored; null: the same, or it did not say. */
  versionTold: VersionTold | null;
}

/** Says no, or does its part, when an agent is retired; inside the retirement's transaction. */
export type RetirementHook = (tx: Tx, caller: Caller, agentId: string, force: boolean) => Promise<void>;

@Injectable()
export class AgentsService {
  private readonly retirementHooks: RetirementHook[] = [];

  constructor(
    private readonly dataSource: DataSource,
    private readonly agents: AgentsRepository,
    private readonly heartbeats: HeartbeatRepository,
    private readonly accounts: AccountsService,
    private readonly days: AccountDaysService,
    private readonly keys: ApiKeysService,
    private readonly events: Events,
    private readonly incidents: Incidents,
    private readonly versions: AgentVersions,
    private readonly halts: AgentHalts,
  ) {}

  /** Modules above know what an agent leaves behind (trades, commands); this one does not know them. */
  onRetire(hook: RetirementHook): void {
    this.retirementHooks.push(hook);
  }

  /** A live agent waits for a person to start it; the others run at once. */
  async create(tx: Tx, caller: Caller, body: NewAgent, origin: Origin): Promise<{ agent: AgentWithState; apiKey: string }> {
    const account = await this.accounts.forAgent(tx, caller, body.account, body.mode, body.name);
    const made = await this.agents.insert(tx, {
      id: uuidv7(), name: body.name, account_id: account.id, mode: body.mode, symbols: body.symbols ?? [], broker: body.broker ?? null,
      config: body.config ?? {}, wind_down_policy: body.windDownPolicy ?? 'keep',
      wind_down_after_seconds: body.windDownAfterSeconds ?? WIND_DOWN_AFTER_SECONDS, version_policy: body.versionPolicy ?? 'alert', run: body.mode === 'live' ? 'paused' : 'running',
    });
    if (!made) throw conflict('AGENT_NAME_TAKEN', 'An agent with this name exists.');
    await this.events.append(tx, caller, [{ type: 'agent.created', subjectId: made.id, agentId: made.id, accountId: account.id, data: { mode: body.mode } }]);
    const { key } = await this.keys.create(tx, caller, made.id, { name: 'first', scopes: SCOPES }, origin);
    return { agent: await this.get(made.id, tx), apiKey: key };
  }

  async get(id: string, tx?: Tx): Promise<AgentWithState> {
    const agent = await this.agents.withState(id, tx);
    if (!agent) throw notFound('agent');
    return agent;
  }

  /** The agent, locked against every other change of what it should do. */
  async lock(tx: Tx, id: string): Promise<AgentRow> {
    const agent = await this.agents.lock(tx, id);
    if (!agent) throw notFound('agent');
    return agent;
  }

  change(caller: Caller, id: string, change: AgentChange, origin: Origin): Promise<AgentWithState> {
    return inTransaction(this.dataSource, async (tx) => {
      const agent = await this.lock(tx, id);
      const mode = change.mode ?? agent.mode;
      if (mode !== agent.mode && !(caller.principal.kind === 'user' && caller.principal.role === 'admin')) {
        throw forbidden('ROLE_TOO_LOW', 'Only an administrator changes the mode.');
      }
      const moved = mode !== agent.mode || (change.account !== undefined && change.account !== agent.account);
      const account = moved ? await this.accounts.forAgent(tx, caller, change.account ?? agent.account, mode, agent.name) : null;
      if (change.retired === true && agent.retired_at === null) await this.retire(tx, caller, id, change.force ?? false, origin);
      await this.agents.update(tx, {
        ...agent, mode, account_id: account?.id ?? agent.account_id, symbols: change.symbols ?? agent.symbols,
        broker: change.broker === undefined ? agent.broker : change.broker, config: change.config ?? agent.config,
        wind_down_policy: change.windDownPolicy ?? agent.wind_down_policy, wind_down_after_seconds: change.windDownAfterSeconds ?? agent.wind_down_after_seconds, version_policy: change.versionPolicy ?? agent.version_policy,
        retired_at: change.retired === undefined ? agent.retired_at : change.retired ? (agent.retired_at ?? new Date().toISOString()) : null,
      });
      this.keys.forgetAfter(tx);
      // As for a new one: an agent that becomes live waits for a person to start it.
      if (mode === 'live' && agent.mode !== 'live' && agent.run === 'running' && change.retired !== true) {
        await this.setRun(tx, caller, id, 'paused', { code: 'MODE_CHANGED', by: actorOf(caller.principal) });
      }
      await this.events.append(tx, caller, [{ type: 'agent.changed', subjectId: id, agentId: id, data: { fields: Object.keys(change) } }]);
      return this.get(id, tx);
    });
  }

  private async retire(tx: Tx, caller: Caller, id: string, force: boolean, origin: Origin): Promise<void> {
    for (const hook of this.retirementHooks) await hook(tx, caller, id, force);
    await this.keys.revoke(tx, caller, id, null, origin);
    await this.setRun(tx, caller, id, 'stopped', { code: 'AGENT_RETIRED', by: actorOf(caller.principal) });
    await this.events.append(tx, caller, [{ type: 'agent.retired', subjectId: id, agentId: id }]);
  }

  /** Stored, so that a restart of the machine does not undo it. The agent must be locked. */
  async setRun(tx: Tx, caller: Caller, id: string, run: Run, reason: RunReason): Promise<void> {
    await this.agents.setRun(tx, id, run, reason);
    this.keys.forgetAfter(tx);
    await this.events.append(tx, caller, [{ type: 'agent.run_set', subjectId: id, agentId: id, data: { run, ...reason } }]);
  }

  /** Replaces the configuration that the agent has taken over. */
  async setConfig(tx: Tx, caller: Caller, agent: AgentRow, config: Record<string, unknown>): Promise<void> {
    await this.agents.update(tx, { ...agent, config });
    await this.events.append(tx, caller, [{ type: 'agent.changed', subjectId: agent.id, agentId: agent.id, data: { fields: ['config'] } }]);
  }

  /** @throws {Problem} 404; 409 AGENT_INSTANCE_CONFLICT while another copy of the agent holds the trading lease */
  async heartbeat(caller: Caller, id: string, body: HeartbeatBody): Promise<DesiredState> {
    const heartbeat = heartbeatOf(caller, id, body);
    const answer = heard(heartbeat, await this.heartbeats.take(heartbeat));
    if ('holder' in answer) throw await this.otherInstance(caller, id, answer.holder);
    return this.follow(caller, id, answer);
  }

  /**
   * The same within a transaction, which then holds the agent's state; another copy is answered, not thrown. When it has
   * committed, its report is to be counted: in it, other agents of the account would wait for its end.
   */
  async heartbeatWithin(tx: Tx, caller: Caller, id: string, body: HeartbeatBody): Promise<Heard | { holder: string }> {
    const heartbeat = heartbeatOf(caller, id, body);
    return heard(heartbeat, await this.heartbeats.takeWithin(inside(tx), heartbeat));
  }

  /** What a heartbeat entails, before it is answered: who hears nothing says it again. */
  async follow(caller: Caller, id: string, { desiredState, report, accountChanged, versionTold }: Heard): Promise<DesiredState> {
    if (report) await this.days.count(report);
    const present = versionTold ? await this.takeVersion(caller, id, versionTold) : desiredState;
    return accountChanged ? this.matchAccount(caller, id) : present;
  }

  private takeVersion(caller: Caller, id: string, told: VersionTold): Promise<DesiredState> {
    return inTransaction(this.dataSource, async (tx) => {
      const agent = await this.lock(tx, id);
      await this.versions.changed(tx, caller, agent, await this.agents.setVersion(tx, id, told));
      return desiredStateOf(await this.lock(tx, id));
    });
  }

  /**
   * Compares what an agent trades on with its account. Where they differ nothing may open: a person must see it, and the
   * agent is halted once (trading-rules 2.4). Later agreement ends the incident; the halt is for a person to release.
   * @param told what the terminal is logged in to, when something newer than the last heartbeat says so
   */
  matchAccount(caller: Caller, id: string, told: Record<string, unknown> | null = null): Promise<DesiredState> {
    return inTransaction(this.dataSource, async (tx) => {
      const agent = await this.lock(tx, id);
      if (told) await this.agents.setBrokerAccount(tx, id, told);
      const account = await this.agents.accountTold(tx, id);
      const found = account && differences(account);
      if (!account || !found || !hasChanged(account, found)) return desiredStateOf(agent);
      await this.agents.setAccountMatch(tx, id, found);
      if (found.length === 0) await this.incidents.resolve(tx, caller, 'ACCOUNT_MISMATCH', [id], 'a later report agrees');
      else await this.accountDiffers(tx, caller, agent, found, account.account_mismatch === null);
      return desiredStateOf(await this.lock(tx, id));
    });
  }

  private async accountDiffers(tx: Tx, caller: Caller, { id, name, account, account_id: accountId, mode: executionMode }: AgentRow, found: string[], isNew: boolean): Promise<void> {
    await this.events.append(tx, caller, [{ type: 'agent.account_differs', subjectId: id, agentId: id, data: { fields: found } }]);
    await this.incidents.open(tx, caller, {
      kind: 'ACCOUNT_MISMATCH', severity: 'critical', subjectId: id, agentId: id, data: { fields: found },
      summary: `Agent ${name} does not trade on ${account}: ${found.join(', ')} differ${found.length === 1 ? 's' : ''}. It is halted.`,
    });
    if (isNew) await this.halts.impose(tx, caller, { id, accountId, executionMode }, 'halt', MISMATCH_REASON);
  }

  /** Two copies of one agent would trade twice: the second is told so, and the log names both. */
  async otherInstance(caller: Caller, id: string, holder: string): Promise<Problem> {
    const instanceId = instanceOf(caller) ?? '';
    await inTransaction(this.dataSource, async (tx) => {
      if (!(await this.agents.noteRefusedInstance(tx, id, instanceId))) return;
      const agent = await this.get(id, tx);
      const data = { holder, refused: instanceId };
      await this.events.append(tx, caller, [{ type: 'agent.instance_conflict', subjectId: id, agentId: id, data }]);
      await this.incidents.open(tx, caller, {
        kind: 'INSTANCE_CONFLICT', severity: agent.mode === 'live' ? 'critical' : 'warning', subjectId: id, agentId: id, data,
        summary: `Two copies of agent ${agent.name} run: ${holder} trades, ${instanceId} is refused.`,
      });
    });
    return new Problem(409, 'AGENT_INSTANCE_CONFLICT',
      `Another copy of this agent (${holder}) holds the trading lease, and this one (${instanceId}) gets nothing until it stops or is silent for ${TRADING_LEASE_SECONDS} s.`);
  }

  async createKey(tx: Tx, caller: Caller | null, agentId: string, wanted: z.output<typeof createKeySchema>, origin: Origin) {
    const agent = await this.lock(tx, agentId);
    if (agent.retired_at !== null) throw conflict('AGENT_RETIRED', 'A retired agent gets no keys.');
    if (wanted.expiresAt !== undefined && Date.parse(wanted.expiresAt) <= Date.now()) {
      throw badRequest('VALIDATION_FAILED', 'must lie in the future', 'expiresAt');
    }
    return this.keys.create(tx, caller, agentId, { ...wanted, scopes: wanted.scopes ?? SCOPES }, origin);
  }
}

/** In live it must be known which copy of the agent speaks. */
export function instanceOf({ principal }: Caller): string | null {
  if (principal.kind !== 'agent') return null;
  if (principal.mode === 'live' && principal.instanceId === null) {
    throw badRequest('INSTANCE_ID_REQUIRED', 'a live agent names its running copy', 'X-Instance-Id');
  }
  return principal.instanceId;
}

function heard(heartbeat: Heartbeat, answer: HeartbeatAnswer | null): Heard | { holder: string } {
  if (!answer) throw notFound('agent');
  if (answer.other_instance !== null) return { holder: answer.other_instance };
  return { desiredState: desiredStateOf(answer), report: reportOf(heartbeat, answer), accountChanged: answer.told !== null && hasChanged(answer.told), versionTold: answer.version_changed ? versionOf(heartbeat) : null };
}

const versionOf = ({ reported: { agentVersion, configHash } }: Heartbeat): VersionTold => ({ agentVersion, configHash });

/** Null when it says nothing of the account, or nothing new, or its broker is not connected. */
function reportOf({ agentId, reported: { equity, balance } }: Heartbeat, { figures_at, account_id, mode, currency }: HeartbeatAnswer): AccountReport | null {
  if (figures_at === null || (equity === null && balance === null)) return null;
  return { agentId, accountId: account_id, mode, at: figures_at, currency, equity, balance };
}

function heartbeatOf(caller: Caller, agentId: string, body: HeartbeatBody): Heartbeat {
  return {
    agentId, instanceId: instanceOf(caller), actor: actorOf(caller.principal), correlationId: caller.correlationId,
    reported: {
      status: body.status ?? null, equity: body.equity ?? null, balance: body.balance ?? null, margin: body.margin ?? null,
      marginFree: body.marginFree ?? null, floatingPnl: body.floatingPnl ?? null, currency: body.currency ?? null, asOf: body.asOf ?? null,
      openPositions: body.openPositions ?? null, cycleCount: body.cycleCount ?? null, lastCycleAt: body.lastCycleAt ?? null,
      observedStateVersion: body.observedStateVersion ?? null, errorMessage: body.errorMessage, brokerConnected: body.brokerConnected ?? null,
      tradeAllowed: body.tradeAllowed ?? null, lastQuoteAt: body.lastQuoteAt ?? null, agentVersion: body.agentVersion ?? null, configHash: body.configHash ?? null,
      brokerAccount: body.brokerAccount ?? null,
    },
  };
}
