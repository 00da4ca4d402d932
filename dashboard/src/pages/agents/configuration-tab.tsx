import { useState } from 'react';
import { ApiError } from '../../api/problem.js';
import { useMay } from '../../api/session.js';
import { Facts } from '../../kit/facts.js';
import { Field } from '../../kit/field.js';
import { Mode } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { span } from '../../kit/time.js';
import type { Agent } from '../../shared/agents/agent-words.js';
import { useChangeAgent } from '../../shared/agents/change-agent.js';
import { ConfigJson } from './config-json.js';
import { ModeChange } from '../../shared/agents/mode-change.js';
import { symbolsOf } from '../../shared/agents/new-agent.js';
import { Retire } from './retire.js';

/** What an agent is set to. Settings of its own code are its `config`. */
export function ConfigurationTab({ agent }: { agent: Agent }) {
  const mayOperate = useMay('operator');
  const mayAdmin = useMay('admin');
  const [isEditing, setEditing] = useState(false);
  return (
    <div className="stack">
      <div className="grid2">
        <Panel title="Settings" actions={mayOperate && !agent.retired && !isEditing ? <button type="button" onClick={() => setEditing(true)}>Change settings</button> : null}>
          {isEditing ? <SettingsForm agent={agent} onDone={() => setEditing(false)} /> : (
            <Facts of={[
              ['Mode', <Mode key="m" mode={agent.mode} />], ['Account', agent.account], ['Symbols', agent.symbols.join(', ') || '—'], ['Broker', agent.broker ?? '—'],
              ['When it is silent', agent.windDownPolicy === 'keep' ? 'its trades are kept, with their stops at the broker' : `its trades are closed after ${span(agent.windDownAfterSeconds)} of silence`],
              ['When its version changes', agent.versionPolicy === 'halt' ? 'it opens nothing more until a person releases the halt' : 'a person is told'],
            ]} />
          )}
        </Panel>
        <ConfigJson agent={agent} mayEdit={mayOperate && !agent.retired} />
      </div>
      {mayAdmin && !agent.retired ? <ModeChange agent={agent} /> : null}
      {mayOperate ? <Retire agent={agent} /> : null}
    </div>
  );
}

function SettingsForm({ agent, onDone }: { agent: Agent; onDone: () => void }) {
  const change = useChangeAgent(agent.id);
  const [symbols, setSymbols] = useState(agent.symbols.join(', '));
  const [broker, setBroker] = useState(agent.broker ?? '');
  const [policy, setPolicy] = useState(agent.windDownPolicy);
  const [after, setAfter] = useState(String(agent.windDownAfterSeconds));
  const [onVersion, setOnVersion] = useState(agent.versionPolicy);
  const wrong = (field: string) => (change.error instanceof ApiError ? change.error.of(field) : undefined);
  const save = () => change.mutate({ symbols: symbolsOf(symbols), broker: broker.trim() === '' ? null : broker.trim(), windDownPolicy: policy, windDownAfterSeconds: Number(after), versionPolicy: onVersion }, { onSuccess: onDone });
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); save(); }}>
      <Field name="Symbols" about="that it trades, between commas" error={wrong('symbols')}><textarea value={symbols} onChange={({ target }) => setSymbols(target.value)} spellCheck={false} /></Field>
      <Field name="Broker (optional)" error={wrong('broker')}><input value={broker} maxLength={100} onChange={({ target }) => setBroker(target.value)} /></Field>
      <Field name="When it is silent" error={wrong('windDownPolicy')}><select value={policy} onChange={({ target }) => setPolicy(target.value as Agent['windDownPolicy'])}><option value="keep">keep its trades, with their stops</option><option value="flatten">close its trades</option></select></Field>
      {policy === 'flatten' ? <Field name="After so many seconds" about="60 to 604,800" error={wrong('windDownAfterSeconds')}><input inputMode="numeric" value={after} onChange={({ target }) => setAfter(target.value)} /></Field> : null}
      <Field name="When its version changes" about="its code, configuration, prompt or model" error={wrong('versionPolicy')}><select value={onVersion} onChange={({ target }) => setOnVersion(target.value as Agent['versionPolicy'])}><option value="alert">tell a person</option><option value="halt">tell a person, and let it open nothing until one allows it</option></select></Field>
      <ProblemNote error={change.error} holds="The settings are as they were." />
      <div className="row"><button className="main" disabled={change.isPending}>{change.isPending ? 'Saving …' : 'Save settings'}</button><button type="button" onClick={onDone}>Leave as it was</button></div>
    </form>
  );
}
