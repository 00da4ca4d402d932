import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { makeStale } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import type { Schema } from '../../../kit/schema.js';
import { titleOf } from '../../../kit/schema.js';
import { SchemaForm } from '../../../kit/schema-form.js';
import type { Effect, Telling } from '../../../shared/versioned/change-table.js';
import { Value } from '../../../shared/versioned/change-table.js';
import type { Change } from '../../../shared/versioned/differences.js';
import { useDraft } from '../../../shared/versioned/draft.js';
import { VersionedEditor } from '../../../shared/versioned/versioned-editor.js';
import { compared } from '../limits/looseness.js';
import type { Breaker } from './breaker-words.js';

const PATH = '/api/v1/circuit-breakers/{name}';
export const GROUPS = ['parameters'] as const;

type Settings = Pick<Breaker, 'enabled' | 'minimumSamples' | 'warningFraction' | 'haltMode' | 'parameters'> & { reset: object };

/** A reset rule with the fields that it uses, and no others: what has no effect is refused. */
const settingsOf = ({ enabled, minimumSamples, warningFraction, haltMode, reset, parameters }: Breaker): Settings =>
  ({ enabled, minimumSamples, warningFraction, haltMode, parameters, reset: Object.fromEntries(Object.entries(reset).filter(([, value]) => value !== null)) });

const SECONDS: Schema = { type: 'integer', minimum: 1, maximum: 31_536_000, description: 'how long nothing opens' };
const RULES: Record<string, Schema> = {
  manual: { properties: {} }, next_day: { properties: {} }, timed: { properties: { afterSeconds: SECONDS }, required: ['afterSeconds'] },
  staged: {
    properties: {
      afterSeconds: SECONDS, testingTrades: { type: 'integer', minimum: 1, maximum: 1_000, description: 'must end without a loss' },
      testingSizeFraction: { anyOf: [{ type: 'string' }, { type: 'number' }], description: 'of the largest size that is allowed otherwise, such as 0.5' },
    },
    required: ['afterSeconds', 'testingTrades', 'testingSizeFraction'],
  },
};

/** As the API says of this breaker what a change may say. */
function schemaOf({ takes }: Breaker): Schema {
  return {
    type: 'object', required: ['enabled', 'minimumSamples', 'warningFraction', 'haltMode', 'reset', 'parameters'],
    properties: {
      enabled: { type: 'boolean', description: 'no: nothing is held back by it' },
      haltMode: { type: 'string', enum: ['reduce', 'halt', 'flatten'], description: 'what it imposes on its scope' },
      warningFraction: { nullable: true, anyOf: [{ type: 'string' }, { type: 'number' }], description: 'of the limit, from which it warns' },
      ...(takes.samples && { minimumSamples: { type: 'integer', minimum: 1, maximum: 1_000, description: 'fewer trip nothing' } }),
      parameters: takes.parameters as Schema,
      reset: { description: 'what ends it', anyOf: takes.resetRules.map((rule) => ({ type: 'object', ...RULES[rule], properties: { rule: { type: 'string', enum: [rule] }, ...RULES[rule]?.properties }, required: ['rule', ...(RULES[rule]?.required ?? [])] })) },
    },
  };
}

const HALTS = ['reduce', 'halt', 'flatten'];

/** What a change lets through. Names say which side trips: `lossesMost`, `hitRateFractionLeast`, `silenceSeconds`. */
function effectOfBreaker({ field, before, after }: Change): Effect {
  if (field === 'enabled') return after === true ? 'tighter' : 'looser';
  if (field === 'haltMode') return HALTS.indexOf(String(after)) < HALTS.indexOf(String(before)) ? 'looser' : 'tighter';
  const order = compared(String(after), String(before));
  if (Number.isNaN(order) || order === 0) return null;
  if (/(Most|silenceSeconds|minimumSamples)$/.test(field)) return order > 0 ? 'looser' : 'tighter';
  return field.endsWith('Least') ? (order < 0 ? 'looser' : 'tighter') : null;
}

export const breakerTelling: Telling = {
  name: (field) => titleOf(field.replace('parameters.', '')),
  value: (field, value) => (field === 'reset' && value !== null && typeof value === 'object' ? <Value value={Object.entries(value as object).filter(([, each]) => each !== null).map(([name, each]) => (name === 'rule' ? each : `${titleOf(name).toLowerCase()} ${each}`)).join(', ')} /> : undefined),
  effect: effectOfBreaker,
};

function warningOf(changes: readonly Change[]): string | null {
  if (changes.some(({ field, after }) => field === 'enabled' && after === false)) return 'Switched off it holds nothing back any more.';
  return changes.some((change) => effectOfBreaker(change) === 'looser') ? 'It will let more through, from the answer on.' : null;
}

export function BreakerSettings({ breaker }: { breaker: Breaker }) {
  const client = useQueryClient();
  const mayChange = useMay('admin');
  const schema = useMemo(() => schemaOf(breaker), [breaker]);
  const draft = useDraft<Settings>({ version: breaker.version, content: settingsOf(breaker) });
  const [saved, say] = useState<string | null>(null);
  const path = { name: breaker.name };
  const put = useMutation<Breaker, ApiError, { settings: Settings; version: number; reason: string | null }>({
    mutationFn: ({ settings, version, reason }) => answer(api.PUT(PATH, { params: { path, header: { 'If-Match': `"${version}"` } }, body: { ...settings, reason } as never })) as Promise<Breaker>,
    onSuccess: (now) => {
      client.setQueryData([PATH, { path }], now);
      draft.discard();
      say(`Version ${now.version} is in force.`);
    },
    onSettled: () => makeStale(client, '/api/v1/circuit-breakers'),
  });
  const error = put.error?.status === 412 ? null : put.error;
  return (
    <VersionedEditor draft={draft} groups={GROUPS} telling={breakerTelling} whose={`of ${breaker.name}`} warningOf={warningOf} error={put.error} busy={put.isPending} saved={saved} mayChange={mayChange} onForget={() => put.reset()}
      onSave={(settings, version, reason) => { say(null); put.mutate({ settings, version, reason }); }}>
      <fieldset disabled={!mayChange} className="stack" style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}>
        <legend className="unseen">Settings</legend>
        <SchemaForm schema={schema} value={draft.mine} onChange={(next) => draft.change(next as Settings)} error={error} />
      </fieldset>
    </VersionedEditor>
  );
}
