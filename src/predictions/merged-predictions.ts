import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Attempted } from '../common/http/once.js';
import { timeText } from '../database/answer-text.js';
import { CLAIMED_KEYS, type Claim } from '../database/idempotency.js';
import { Merged } from '../database/merged.js';
import { type Statement, Statements } from '../database/statements.js';
import { SAYS_OTHER } from './agent-models.repository.js';
import { AWAITED, calibratedProbability, judged, named, type NewPrediction, RUNS, THRESHOLD, WRITTEN, WRITTEN_TYPES, WRITTEN_VALUES } from './predictions.repository.js';
import type { predictionSchema } from './predictions.schemas.js';

type PredictionAnswer = z.output<typeof predictionSchema>;

export interface PredictionAsk {
  agentId: string;
  prediction: NewPrediction;
  claim: Claim | null;
  /** The answer as the caller will see it, but for what the database decides. */
  answer: Omit<PredictionAnswer, 'symbol' | 'brokerSymbol' | 'shouldTrade' | 'thresholdUsed' | 'calibratedProbability' | 'agentVersion' | 'configHash' | 'createdAt'>;
  /** Of the event. */
  data: object;
  actor: string;
  correlationId: string;
}

export interface Inserted {
  attempted: Attempted<PredictionAnswer>;
  /** It says of its model, or its prompt, what is not known yet. */
  isNews: boolean;
}

/** Single predictions, each with its key and event, in one statement for all who send one now. */
const INSERT: Statement = {
  name: 'predictions',
  text: `
    with allowed as materialized (
      select q.*, clock.at, 201 as status,
        q.answer || jsonb_build_object('symbol', q.named, 'brokerSymbol', nullif(q.broker_symbol, q.named),
          'shouldTrade', q.should_trade, 'thresholdUsed', q.threshold_used::text, 'calibratedProbability', ${calibratedProbability('q', 'q.agent')}::text,
          'agentVersion', q.agent_version, 'configHash', q.config_hash, 'createdAt', ${timeText("date_trunc('milliseconds', clock.at)")}) as body
      from (select app_clock() as at) clock cross join (
        select sent.*, s.agent_version, s.config_hash, ${named('a.account_id', 'sent')}, ${judged('sent')} from jsonb_to_recordset($1::jsonb) as sent (n int, agent uuid, actor text, correlation text, caller text, key text,
          hash text, answer jsonb, data jsonb, ${WRITTEN_TYPES}) left join agents a on a.id = sent.agent ${RUNS('sent.agent')} ${THRESHOLD}
      ) q
    ), claimed as (${CLAIMED_KEYS('allowed')}), made as (
      insert into predictions (agent_id, ${WRITTEN}, created_at)
      select agent, ${WRITTEN_VALUES}, at from allowed q
      where key is null or exists (select 1 from claimed c where c.caller = q.caller and c.key = q.key)
      order by id returning id, source_time, predicted_at, horizon_seconds, created_at
    ), awaited as (${AWAITED('made')}), logged as (
      insert into events (type, subject_id, agent_id, actor, correlation_id, data)
      select 'prediction.created', q.id, q.agent, q.actor, q.correlation, q.data || jsonb_build_object('symbol', q.named, 'shouldTrade', q.should_trade) from made join allowed q on q.id = made.id order by q.id
    )
    select q.n, m.id is not null as made, q.body, (p.model_version is not null or p.prompt_hash is not null) and (k.agent_id is null or ${SAYS_OTHER}) as is_news
    from allowed q join allowed p on p.n = q.n left join made m on m.id = q.id left join agent_models k on k.agent_id = q.agent and k.model = q.model`,
};

@Injectable()
export class MergedPredictions {
  private readonly merged = new Merged((asks: readonly PredictionAsk[]) => this.insertAll(asks), {
    keyOf: ({ claim, prediction }) => (claim ? `${claim.caller} ${claim.key}` : prediction.id),
  });

  constructor(private readonly statements: Statements) {}

  insert(ask: PredictionAsk): Promise<Inserted> {
    return this.merged.do(ask);
  }

  private async insertAll(asks: readonly PredictionAsk[]): Promise<Inserted[]> {
    const items = asks.map(({ agentId, prediction, claim, answer, data, actor, correlationId }, n) => ({
      n, agent: agentId, actor, correlation: correlationId, ...claim, answer, data, ...prediction,
    }));
    const answers: Inserted[] = asks.map(() => ({ attempted: { outcome: 'alone' }, isNews: false }));
    for (const { n, made, body, is_news: isNews } of await this.statements.run<{ n: number; made: boolean; body: PredictionAnswer; is_news: boolean }>(INSERT, [JSON.stringify(items)])) {
      answers[n] = made ? { attempted: { outcome: 'made', answer: body }, isNews } : { attempted: { outcome: 'taken' }, isNews: false };
    }
    return answers;
  }
}
