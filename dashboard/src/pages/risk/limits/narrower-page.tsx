import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { makeStale, useGet } from '../../../api/queries.js';
import { Empty, Fresh, Panel } from '../../../kit/panel.js';
import { Time } from '../../../kit/time.js';
import { AccountName, Actor, AgentLink } from '../../../shared/names.js';
import { useDraft } from '../../../shared/versioned/draft.js';
import { Versions } from '../../../shared/versioned/versions.js';
import { Effective } from './effective.js';
import { type Limits, limitsOf } from './limit-meanings.js';
import { limitTelling } from './limit-telling.js';
import { LimitsEditor } from './limits-editor.js';
import { isScope, type NarrowerLimits, paramsOf, pathOf, type Scope, useLimitsHistory, useLimitsOf } from './narrower.js';

const NOT_SET = 'not set here: what stands above holds';

export function NarrowerPage({ scope, id }: { scope: string; id: string }) {
  return isScope(scope) ? <Narrower scope={scope} id={id} /> : <Empty>There are limits of an account, an agent or a strategy, and none of this kind.</Empty>;
}

function Narrower({ scope, id }: { scope: Scope; id: string }) {
  const query = useLimitsOf(scope, id);
  const history = useLimitsHistory(scope, id);
  return (
    <>
      <p><Link href="/risk/limits">← Tighter limits</Link></p>
      <Panel title={`Limits of this ${scope}`} actions={<Whose scope={scope} id={id} />}>
        <Fresh query={query}>{(limits) => <Editor scope={scope} id={id} limits={limits} />}</Fresh>
      </Panel>
      {scope === 'account' ? null : <EffectiveHere scope={scope} id={id} />}
      <Versions title="Versions of these limits" list={history} telling={limitTelling(history.rows[0]?.currency ?? '', 'not set here')} />
    </>
  );
}

function Whose({ scope, id }: { scope: Scope; id: string }) {
  if (scope === 'account') return <AccountName id={id} />;
  return scope === 'agent' ? <AgentLink id={id} /> : <Link href={`/risk/strategies/${id}`}>the strategy</Link>;
}

function EffectiveHere({ scope, id }: { scope: 'agent' | 'strategy'; id: string }) {
  const query = useGet('/api/v1/limits/effective', { query: scope === 'agent' ? { agentId: id } : { strategyId: id } });
  return <Panel title="What holds in the end"><Fresh query={query}>{(effective) => <Effective effective={effective} />}</Fresh></Panel>;
}

function Editor({ scope, id, limits }: { scope: Scope; id: string; limits: NarrowerLimits }) {
  const client = useQueryClient();
  const draft = useDraft<Limits>({ version: limits.version, content: limitsOf(limits) });
  const [saved, say] = useState<string | null>(null);
  const path = paramsOf(scope, id);
  const put = useMutation<NarrowerLimits, ApiError, { limits: Limits; version: number; reason: string | null }>({
    mutationFn: ({ limits: mine, version, reason }) => answer(api.PUT(pathOf(scope), { params: { path, header: { 'If-Match': `"${version}"` } }, body: { ...mine, reason } as never })) as Promise<NarrowerLimits>,
    onSuccess: (now) => {
      client.setQueryData([pathOf(scope), { path }], now);
      draft.discard();
      say(`Version ${now.version} is in force.`);
    },
    onSettled: () => makeStale(client, '/api/v1/limits'),
  });
  return (
    <div className="stack">
      <p className="quiet small">{limits.version === 0 ? 'Nothing was ever set here.' : <>Version {limits.version}, <Time at={limits.updatedAt} /> by <Actor who={limits.updatedBy} />.</>} These can only be tighter than what stands above; amounts in {limits.currency}.</p>
      {limits.warnings.length > 0 ? <ul className="doubt small">{limits.warnings.map((each) => <li key={each}>▲ {each}</li>)}</ul> : null}
      <LimitsEditor draft={draft} currency={limits.currency} nullMeans={NOT_SET} whose={`of this ${scope}`} error={put.error} busy={put.isPending} saved={saved} onForget={() => put.reset()}
        onSave={(mine, version, reason) => { say(null); put.mutate({ limits: mine, version, reason }); }} />
    </div>
  );
}
