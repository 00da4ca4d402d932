import { useState } from 'react';
import { useList } from '../../api/queries.js';
import { TypedConfirm } from '../../kit/confirm.js';
import { Field } from '../../kit/field.js';
import { Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import type { Agent } from './agent-words.js';
import css from './agents.module.css';
import { useChangeAgent } from './change-agent.js';

const MODES = ['simulation', 'paper', 'live'] as const;
type Modes = (typeof MODES)[number];

const MEANS: Record<Modes, string> = {
  live: 'Its orders are real money. It is paused by this, and opens nothing until somebody sends start.',
  paper: 'It trades on paper from then on. What it holds in live stays at the broker, with its stops.',
  simulation: 'It trades in a simulation from then on. What it holds in live stays at the broker, with its stops.',
};

/** A live agent is on a live account, and no other is. */
export function ModeChange({ agent, only }: { agent: Agent; only?: Modes }) {
  const change = useChangeAgent(agent.id);
  const [mode, setMode] = useState<Modes | ''>(only ?? '');
  const [account, setAccount] = useState('');
  const accounts = useList('/api/v1/accounts', { query: { limit: 200 } });
  const fitting = accounts.rows.filter(({ kind }) => (kind === 'live') === (mode === 'live'));
  const staysOn = fitting.some(({ name }) => name === agent.account) ? agent.account : '';
  const chosen = account || staysOn;
  return (
    <Panel title={only ? `Make ${agent.name} ${only}` : 'Mode'} level={only ? 3 : 2}>
      {only ? null : (
        <div className={css.form}><Field name="Another mode">
          <select value={mode} onChange={({ target }) => { setMode(target.value as Modes | ''); setAccount(''); }}><option value="">—</option>{MODES.filter((each) => each !== agent.mode).map((each) => <option key={each}>{each}</option>)}</select>
        </Field></div>
      )}
      {mode === '' ? null : (
        <>
          <p className={mode === 'live' ? 'danger' : undefined}>{MEANS[mode]}</p>
          <div className={css.form}><Field name="On the account" about={fitting.length === 0 ? `there is no account that fits ${mode}: make one first` : undefined}>
            <select value={chosen} onChange={({ target }) => setAccount(target.value)}><option value="">—</option>{fitting.map(({ id, name, currency }) => <option key={id} value={name}>{`${name} (${currency})`}</option>)}</select>
          </Field></div>
          <ProblemNote error={change.error} holds={`It is in mode ${agent.mode} as before.`} />
          <TypedConfirm word={mode.toUpperCase()} disabled={change.isPending || chosen === ''} onConfirmed={() => change.mutate({ mode, account: chosen }, { onSuccess: () => setMode(only ?? '') })}>Make {agent.name} {mode}</TypedConfirm>
        </>
      )}
    </Panel>
  );
}
