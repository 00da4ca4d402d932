import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import type { PredictionRow } from './predictions.repository.js';

export type ToldModel = Pick<PredictionRow, 'model' | 'model_version' | 'prompt_hash' | 'predicted_at'>;

interface Version {
  model_version: string | null;
  prompt_hash: string | null;
}

/** SQL: that a prediction `p` says of its model something else than is stored as `k`, and is not older than that. What it does not say stays. */
export const SAYS_OTHER = `(p.predicted_at >= k.since and (coalesce(p.model_version <> k.model_version, p.model_version is not null and k.model_version is null)
  or coalesce(p.prompt_hash <> k.prompt_hash, p.prompt_hash is not null and k.prompt_hash is null)))`;

/** The newest word on each model. */
const TOLD = `select distinct on (p.model) p.* from jsonb_to_recordset($2::jsonb) as p (model text, model_version text, prompt_hash text, predicted_at timestamptz) order by p.model, p.predicted_at desc`;

@Injectable()
export class AgentModelsRepository {
  /** Models that were never told of are stored. */
  async isNews(tx: Tx, agentId: string, told: readonly ToldModel[]): Promise<boolean> {
    const [row] = await tx.query<{ is_news: boolean }[]>(
      `with told as (${TOLD}), first as (
        insert into agent_models (agent_id, model, model_version, prompt_hash, since) select $1::uuid, model, model_version, prompt_hash, predicted_at from told order by model on conflict do nothing
      ) select exists (select from told p join agent_models k on k.agent_id = $1::uuid and k.model = p.model where ${SAYS_OTHER}) as is_news`,
      [agentId, JSON.stringify(told)],
    );
    return row?.is_news ?? false;
  }

  /** What was and what is, of each model that changed. The agent must be locked. */
  renew(tx: Tx, agentId: string, told: readonly ToldModel[]): Promise<{ model: string; was: Version; is: Version }[]> {
    return tx.query(
      `with told as (${TOLD}), was as materialized (
        select k.* from told p join agent_models k on k.agent_id = $1::uuid and k.model = p.model where ${SAYS_OTHER} order by k.model for no key update of k
      ), renewed as (
        update agent_models k set model_version = coalesce(p.model_version, k.model_version), prompt_hash = coalesce(p.prompt_hash, k.prompt_hash), since = p.predicted_at
        from was join told p using (model) where k.agent_id = $1::uuid and k.model = was.model
        returning k.model, k.model_version, k.prompt_hash
      ) select r.model, jsonb_build_object('model_version', was.model_version, 'prompt_hash', was.prompt_hash) as was,
        jsonb_build_object('model_version', r.model_version, 'prompt_hash', r.prompt_hash) as "is" from renewed r join was using (model) order by r.model`,
      [agentId, JSON.stringify(told)],
    );
  }
}
