import { Injectable } from '@nestjs/common';
import type { Caller } from '../common/http/caller.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { AgentHalts } from '../halts/agent-halts.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import type { AgentRow } from './agents.repository.js';

export type VersionField = 'agentVersion' | 'configHash' | 'modelVersion' | 'promptHash';

export interface VersionChange {
  field: VersionField;
  /** Of modelVersion and promptHash. */
  model?: string;
  from: string;
  to: string;
}

const HALT_REASON = 'it runs another version than before';
const NAMES: Record<VersionField, string> = { agentVersion: 'version', configHash: 'configuration', modelVersion: 'version', promptHash: 'prompt' };
/** Two hashes differ at their beginning. */
const SHOWN_CHARACTERS = 20;

/** Other code, another prompt or another model decides from here on: who compares results, or has let an agent trade, has to know (trading-rules 7.6). */
@Injectable()
export class AgentVersions {
  constructor(
    private readonly halts: AgentHalts,
    private readonly incidents: Incidents,
    private readonly events: Events,
  ) {}

  /** In the transaction that stores what it is now; with versionPolicy `halt` the agent opens nothing more until a person lets it. The agent must be locked. */
  async changed(tx: Tx, caller: Caller, agent: AgentRow, changes: readonly VersionChange[]): Promise<void> {
    if (changes.length === 0) return;
    const { id, name, version_policy: policy } = agent;
    await this.events.append(tx, caller, changes.map((change) => ({ type: 'agent.version_changed', subjectId: id, agentId: id, data: { ...change } })));
    await this.incidents.open(tx, caller, {
      kind: 'VERSION_CHANGED', severity: policy === 'halt' ? 'critical' : 'warning', subjectId: id, agentId: id, data: { policy, changes },
      summary: `Agent ${name} changed: ${changes.map(inWords).join('; ')}.${policy === 'halt' ? ' It is halted.' : ''}`,
    });
    if (policy === 'halt') await this.halts.impose(tx, caller, { id, accountId: agent.account_id, executionMode: agent.mode }, 'reduce', HALT_REASON);
  }
}

const inWords = ({ field, model, from, to }: VersionChange): string => `${NAMES[field]}${model === undefined ? '' : ` of ${model}`} ${short(to)}, before ${short(from)}`;
const short = (text: string): string => (text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);
