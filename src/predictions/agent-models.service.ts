import { Injectable } from '@nestjs/common';
import { AgentVersions, type VersionChange } from '../agents/agent-versions.service.js';
import { AgentsService } from '../agents/agents.service.js';
import type { Caller } from '../common/http/caller.js';
import type { Tx } from '../database/transaction.js';
import { AgentModelsRepository, type ToldModel } from './agent-models.repository.js';

/** Which version of a model, and which prompt, the predictions of an agent come from now. */
@Injectable()
export class AgentModels {
  constructor(
    private readonly models: AgentModelsRepository,
    private readonly versions: AgentVersions,
    private readonly agents: AgentsService,
  ) {}

  /** What predictions that were just stored say of their models; of one that is older than the present version nothing is learned. */
  async note(tx: Tx, caller: Caller, agentId: string, predictions: readonly ToldModel[]): Promise<void> {
    const told = predictions.filter(({ model_version: version, prompt_hash: prompt }) => version !== null || prompt !== null);
    if (told.length === 0 || !(await this.models.isNews(tx, agentId, told))) return;
    const agent = await this.agents.lock(tx, agentId);
    const renewed = await this.models.renew(tx, agentId, told);
    await this.versions.changed(tx, caller, agent, renewed.flatMap(({ model, was, is }) => [
      ...changeOf('modelVersion', model, was.model_version, is.model_version), ...changeOf('promptHash', model, was.prompt_hash, is.prompt_hash),
    ]));
  }
}

/** That it is known for the first time is no change. */
const changeOf = (field: VersionChange['field'], model: string, from: string | null, to: string | null): VersionChange[] => (from === null || to === null || from === to ? [] : [{ field, model, from, to }]);
