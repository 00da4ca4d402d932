import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import bodies from '../../../api/bodies.json';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { type AnswerOf, makeStale } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import type { Schema } from '../../../kit/schema.js';
import { SchemaForm } from '../../../kit/schema-form.js';
import type { Change } from '../../../shared/versioned/differences.js';
import { useDraft } from '../../../shared/versioned/draft.js';
import { VersionedEditor } from '../../../shared/versioned/versioned-editor.js';
import { LimitFields } from '../limits/limit-fields.js';
import { limitsOf } from '../limits/limit-meanings.js';
import { GROUPS, strategyTelling } from './strategy-telling.js';

const PATH = '/api/v1/strategies/{strategyId}';
export type Strategy = AnswerOf<typeof PATH>;
type Content = Pick<Strategy, 'name' | 'isActive' | 'allowedSymbols' | 'sessionWindows' | 'holidays' | 'entryConditions' | 'exitRules' | 'forbiddenConditions' | 'riskCaps' | 'rrExpectation'>;

const contentOf = ({ name, isActive, allowedSymbols, sessionWindows, holidays, entryConditions, exitRules, forbiddenConditions, riskCaps, rrExpectation }: Strategy): Content =>
  ({ name, isActive, allowedSymbols, sessionWindows, holidays, entryConditions, exitRules, forbiddenConditions, riskCaps, rrExpectation });

const SCHEMA = (bodies as Record<string, unknown>)['PUT /api/v1/strategies/{strategyId}'] as Schema;

export function StrategyEditor({ strategy }: { strategy: Strategy }) {
  const client = useQueryClient();
  const mayChange = useMay('admin') && !strategy.retired;
  const draft = useDraft<Content>({ version: strategy.version, content: contentOf(strategy) });
  const [saved, say] = useState<string | null>(null);
  const path = { strategyId: strategy.id };
  const put = useMutation<Strategy, ApiError, { content: Content; version: number; reason: string | null }>({
    mutationFn: ({ content, version, reason }) => answer(api.PUT(PATH, { params: { path, header: { 'If-Match': `"${version}"` } }, body: { ...content, reason } as never })) as Promise<Strategy>,
    onSuccess: (now) => {
      client.setQueryData([PATH, { path }], now);
      draft.discard();
      say(`Version ${now.version} is in force.`);
    },
    onSettled: () => makeStale(client, '/api/v1/strategies', '/api/v1/limits'),
  });
  const error = put.error?.status === 412 ? null : put.error;
  const telling = strategyTelling(strategy.currency);
  const warningOf = (changes: readonly Change[]) => (changes.some((change) => telling.effect?.(change) === 'looser') ? 'It will let more through, from the answer on.' : null);
  return (
    <VersionedEditor draft={draft} groups={GROUPS} telling={telling} whose={`of ${strategy.name}`} warningOf={warningOf} error={put.error} busy={put.isPending} saved={saved} mayChange={mayChange} onForget={() => put.reset()}
      onSave={(content, version, reason) => { say(null); put.mutate({ content, version, reason }); }}>
      <fieldset disabled={!mayChange} className="stack" style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}>
        <legend className="unseen">Strategy</legend>
        <SchemaForm schema={SCHEMA} without={['riskCaps', 'reason']} value={draft.mine} onChange={(next) => draft.change(next as Content)} error={error} />
        <h3>Risk caps <span className="quiet small">can only hold tighter than all other limits; amounts in {strategy.currency}</span></h3>
        <LimitFields value={limitsOf(draft.mine.riskCaps)} before={limitsOf(draft.base.riskCaps)} currency={strategy.currency} nullMeans="no cap: other limits hold" mayChange={mayChange} errorOf={(name) => error?.of(`riskCaps.${name}`)}
          onChange={(caps) => draft.change({ ...draft.mine, riskCaps: Object.fromEntries(Object.entries(caps).filter(([, value]) => value !== null)) })} />
      </fieldset>
    </VersionedEditor>
  );
}
