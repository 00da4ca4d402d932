import { Injectable } from '@nestjs/common';
import type { Caller } from '../common/http/caller.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import type { HaltMode } from './halt-rows.js';
import { HaltsRepository } from './halts.repository.js';

export interface AgentToHalt {
  id: string;
  accountId: string;
  executionMode: 'simulation' | 'paper' | 'live';
}

/** Halts that the server imposes on one agent by itself; only a person releases them. */
@Injectable()
export class AgentHalts {
  constructor(
    private readonly halts: HaltsRepository,
    private readonly events: Events,
  ) {}

  /**
   * In the transaction that stores what it is for. One for each reason is enough, however often that comes until somebody looks.
   * @param data of the event, beside what every halt tells
   */
  async impose(tx: Tx, caller: Caller, { id: agentId, accountId, executionMode }: AgentToHalt, mode: HaltMode, why: string, data: object = {}): Promise<void> {
    const inForce = await this.halts.inForce(tx, { accountId, executionMode, agentIds: [agentId], strategyId: null, symbol: '' });
    if (inForce.some(({ scope, reason }) => scope === 'agent' && reason === why)) return;
    const halt = await this.halts.impose(tx, { scope_type: 'agent', scope_id: agentId, mode, reason: why, source: 'server', imposed_by: 'system', correlation_id: caller.correlationId });
    await this.events.append(tx, caller, [{
      type: 'halt.imposed', subjectId: halt.id, agentId,
      data: { scope: 'agent', scopeId: agentId, mode: halt.mode, source: halt.source, breaker: null, imposedBy: halt.imposed_by, why: halt.reason, ...data },
    }]);
  }
}
