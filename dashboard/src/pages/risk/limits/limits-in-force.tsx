import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { type AnswerOf, makeStale, useGet, useList } from '../../../api/queries.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { Time } from '../../../kit/time.js';
import { Actor } from '../../../shared/names.js';
import { useDraft } from '../../../shared/versioned/draft.js';
import { Versions } from '../../../shared/versioned/versions.js';
import { type Limits, limitsOf } from './limit-meanings.js';
import { limitTelling } from './limit-telling.js';
import { LimitsEditor } from './limits-editor.js';

const PATH = '/api/v1/risk-config';
type RiskConfig = AnswerOf<typeof PATH>;

/** What limits everybody, and every version of it. */
export function LimitsInForce() {
  const query = useGet(PATH);
  const list = useList('/api/v1/risk-config/history');
  const currency = list.rows[0]?.currency ?? '';
  return (
    <>
      <Panel title="Limits for everybody">
        <Fresh query={query}>{(config) => <Editor config={config} currency={currency} />}</Fresh>
      </Panel>
      <Versions title="Versions of the limits" list={list} telling={limitTelling(currency)} />
    </>
  );
}

function Editor({ config, currency }: { config: RiskConfig; currency: string }) {
  const client = useQueryClient();
  const draft = useDraft<Limits>({ version: config.version, content: limitsOf(config) });
  const [saved, say] = useState<string | null>(null);
  const put = useMutation<RiskConfig, ApiError, { limits: Limits; version: number; reason: string | null }>({
    mutationFn: ({ limits, version, reason }) => answer(api.PUT(PATH, { params: { header: { 'If-Match': `"${version}"` } }, body: { ...limits, reason } as never })) as Promise<RiskConfig>,
    onSuccess: (now) => {
      client.setQueryData([PATH, {}], now);
      draft.discard();
      say(`Version ${now.version} is in force.`);
    },
    onSettled: () => makeStale(client, PATH, '/api/v1/limits'),
  });
  const warnings = otherThanOff(config.warnings);
  return (
    <div className="stack">
      <p className="quiet small">Version {config.version}, <Time at={config.updatedAt} /> by <Actor who={config.updatedBy} />. Accounts, agents and strategies can only be held tighter.{config.lastHaltReason ? ` Last halt: ${config.lastHaltReason}.` : ''}</p>
      {warnings.length > 0 ? <ul className="doubt small">{warnings.map((each) => <li key={each}>▲ {each}</li>)}</ul> : null}
      <LimitsEditor draft={draft} currency={currency} nullMeans="off" whose="for everybody" error={put.error} busy={put.isPending} saved={saved} onForget={() => put.reset()}
        onSave={(limits, version, reason) => { say(null); put.mutate({ limits, version, reason }); }} />
    </div>
  );
}

/** Which are off is seen at each of them. */
const otherThanOff = (warnings: readonly string[]): string[] => warnings.filter((each) => !each.includes(' is off: '));
