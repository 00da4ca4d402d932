import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AgentsService } from '../agents/agents.service.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { badRequest } from '../common/problem.js';
import { inTransaction } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { ExecutorsRepository } from './executors.repository.js';

@Injectable()
export class ExecutorsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly executors: ExecutorsRepository,
    private readonly agents: AgentsService,
    private readonly events: Events,
  ) {}

  async get(agentId: string): Promise<{ executorAgentIds: string[] }> {
    await this.agents.get(agentId);
    return { executorAgentIds: await this.executors.of(agentId) };
  }

  /** @throws {Problem} 404; 400 for one that is no agent, or the agent itself */
  put(caller: Caller, agentId: string, executorAgentIds: string[]): Promise<{ executorAgentIds: string[] }> {
    return inTransaction(this.dataSource, async (tx) => {
      await this.agents.lock(tx, agentId);
      const [unknown] = await this.executors.unknown(tx, executorAgentIds);
      if (unknown !== undefined) throw badRequest('VALIDATION_FAILED', `there is no agent ${unknown}`, 'executorAgentIds');
      if (executorAgentIds.includes(agentId)) throw badRequest('VALIDATION_FAILED', 'an agent proposes for itself anyway', 'executorAgentIds');
      const before = await this.executors.of(agentId, tx);
      await this.executors.put(tx, agentId, executorAgentIds, actorOf(caller.principal));
      const after = await this.executors.of(agentId, tx);
      await this.events.append(tx, caller, [{ type: 'agent.executors_changed', subjectId: agentId, agentId, data: { before, after } }]);
      return { executorAgentIds: after };
    });
  }
}
