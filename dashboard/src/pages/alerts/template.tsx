import { useState } from 'react';
import { useGet } from '../../api/queries.js';
import { Copyable } from '../../kit/copy.js';
import { Field } from '../../kit/field.js';
import { Fresh, Panel } from '../../kit/panel.js';

const ACTIONS = ['buy', 'sell', 'enter_long', 'enter_short', 'exit_long', 'exit_short', 'exit', 'pause', 'stop', 'flatten', 'kill', 'cancel_orders'] as const;
type Action = (typeof ACTIONS)[number];

/** The text for TradingView. @param version of the source: its mapping decides what the text is */
export function Template({ id, version }: { id: string; version: number }) {
  const [kind, setKind] = useState<'strategy' | 'indicator'>('strategy');
  const [action, setAction] = useState<Action>('buy');
  return (
    <Panel title="The text to paste into TradingView">
      <div className="row">
        <Field name="The alert is made on"><select value={kind} onChange={({ target }) => setKind(target.value as 'strategy')}><option value="strategy">a strategy</option><option value="indicator">an indicator</option></select></Field>
        {kind === 'indicator' ? <Field name="It always means"><select value={action} onChange={({ target }) => setAction(target.value as Action)}>{ACTIONS.map((each) => <option key={each} value={each}>{each.replaceAll('_', ' ')}</option>)}</select></Field> : null}
      </div>
      <Text key={version} id={id} kind={kind} action={action} />
    </Panel>
  );
}

function Text({ id, kind, action }: { id: string; kind: 'strategy' | 'indicator'; action: Action }) {
  const query = useGet('/api/v1/webhook-sources/{sourceId}/template', { path: { sourceId: id }, query: kind === 'indicator' ? { kind, action } : { kind } });
  return (
    <Fresh query={query}>{({ text, notes }) => (
      <div className="stack">
        <Copyable text={text} name="text" />
        <ul className="stack">{notes.map((note) => <li key={note} className="small">• {note}</li>)}</ul>
      </div>
    )}</Fresh>
  );
}
