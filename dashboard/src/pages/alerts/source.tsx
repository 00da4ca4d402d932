import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import type { ApiError } from '../../api/problem.js';
import { makeStale, useGet } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { Facts } from '../../kit/facts.js';
import { Light, Unknown } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { Raw } from '../../kit/raw.js';
import { Time } from '../../kit/time.js';
import { Actor, AgentLink } from '../../shared/names.js';
import { Address } from './address.js';
import { Preview } from './preview.js';
import { SourceFields } from './source-fields.js';
import { Duplicates, LastAlert, Silence } from './source-list.js';
import { changeOf, mappingOf, symbolsOf, typedOf } from './source-typed.js';
import { Template } from './template.js';
import { ACTIONS, type Source } from './words.js';

export function SourcePage({ id }: { id: string }) {
  const query = useGet('/api/v1/webhook-sources/{sourceId}', { path: { sourceId: id } });
  return <Fresh query={query}>{(source) => <Whole source={source} />}</Fresh>;
}

const inMoney = ({ riskRule, lotSize }: Source['defaults']) => (lotSize ? `size ${lotSize}` : riskRule?.amount ? `loses ${riskRule.amount} at the stop` : riskRule?.fraction ? `loses ${riskRule.fraction} of the equity at the stop` : null);
const apart = ({ stopDistance }: Source['defaults']) => (stopDistance?.price ? `${stopDistance.price} of price away` : stopDistance?.fraction ? `${stopDistance.fraction} of the price away` : null);

function Whole({ source }: { source: Source }) {
  const mayAdmin = useMay('admin');
  const mayOperate = useMay('operator');
  const { id, route, defaults } = source;
  const [typed, setTyped] = useState(() => typedOf(source));
  /** What the form began with: only what a person changed there is sent. */
  const [begun, setBegun] = useState(source);
  const changes = changeOf(typedOf(begun), typed);
  const isChanged = Object.keys(changes).length > 0;
  // Nothing typed yet: the form shows what others have changed meanwhile.
  if (!isChanged && source.version !== begun.version) {
    setBegun(source);
    setTyped(typedOf(source));
  }
  return (
    <div className="stack">
      <Panel title={source.name}>
        <div className="row"><Silence source={source} />{source.retired ? <span>since <Time at={source.retiredAt} />: nothing is taken under its address any more.</span> : null}</div>
        <Facts of={[
          ['What is done', ACTIONS[route.action]], ['Traded by', <AgentLink key="a" id={route.executorAgentId} />], ['Last alert', <LastAlert key="l" sourceId={id} />], ['Duplicates in the last 50', <Duplicates key="d" sourceId={id} />],
          ['An entry counts for', `${route.maxAgeSeconds} s`], ['Where the alert says none', inMoney(defaults) ?? <Unknown key="m" why="it has no size of its own" />], ['Stop', apart(defaults) ?? <Unknown key="s" why="it has no stop of its own" />],
          ['Secret in the body', source.hasBodySecret ? 'asked for' : 'none'], ['Addresses', source.allowedAddresses?.join(', ') ?? 'all'], ['Version', `${source.version}`], ['Changed', <span key="c"><Time at={source.updatedAt} /> by <Actor who={source.updatedBy} /></span>],
        ]} />
        <p><Link href={`/alerts?sourceId=${id}`}>Its alerts</Link></p>
        <Raw record={source} />
      </Panel>
      {source.retired ? null : (
        <>
          {mayAdmin ? <Edit source={source} changes={changes} isChanged={isChanged} reset={() => setTyped(typedOf(source))} done={(next) => { setBegun(next); setTyped(typedOf(next)); }}>{(error) => <SourceFields typed={typed} onChange={setTyped} error={error} hasSecret={source.hasBodySecret} />}</Edit> : null}
          {mayOperate ? <Preview id={id} version={source.version} tried={isChanged && ('mapping' in changes || 'symbols' in changes) ? { mapping: mappingOf(typed), symbols: symbolsOf(typed.symbols) } : null} /> : null}
          <Template id={id} version={source.version} />
          {mayAdmin ? <Address source={source} /> : null}
        </>
      )}
    </div>
  );
}

interface EditProps {
  source: Source;
  changes: ReturnType<typeof changeOf>;
  isChanged: boolean;
  reset: () => void;
  done: (source: Source) => void;
  children: (error: ApiError | null) => React.ReactNode;
}

function Edit({ source, changes, isChanged, reset, done, children }: EditProps) {
  const client = useQueryClient();
  const change = useMutation<Source, ApiError>({
    mutationFn: () => answer(api.PATCH('/api/v1/webhook-sources/{sourceId}', { params: { path: { sourceId: source.id } }, body: changes })),
    onSuccess: async (next) => {
      done(next);
      await makeStale(client, '/api/v1/webhook-sources');
    },
  });
  return (
    <Panel title="Change it">
      <form className="stack" onSubmit={(event) => { event.preventDefault(); change.mutate(); }}>
        {children(change.error)}
        <ProblemNote error={change.error} holds="The source is as it was." />
        <div className="row">
          <button className="main" disabled={change.isPending || !isChanged}>{change.isPending ? 'Changing it …' : `Change ${source.name}`}</button>
          {isChanged ? <button type="button" onClick={() => { change.reset(); reset(); }}>Forget what was typed</button> : change.isSuccess ? <Light tone="good">It is changed: version {change.data.version}.</Light> : <span className="small quiet">Nothing is changed.</span>}
        </div>
      </form>
    </Panel>
  );
}
