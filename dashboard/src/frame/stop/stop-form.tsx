import { useState } from 'react';
import { useList } from '../../api/queries.js';
import { useSession } from '../../api/session.js';
import { HoldButton } from '../../kit/confirm.js';
import { Field } from '../../kit/field.js';
import type { Overview } from '../../shared/overview.js';
import { keepStop } from './kept-stops.js';
import { leasesOf } from './leases.js';
import css from './stop.module.css';
import { deedOf, type HaltMode, MEANS, type Scope, type ScopeType } from './wording.js';

const SCOPES: [ScopeType, string][] = [['global', 'Everything'], ['account', 'Account'], ['agent', 'Agent'], ['strategy', 'Strategy'], ['symbol', 'Symbol']];
const MODES: HaltMode[] = ['halt', 'reduce', 'flatten'];
const MODE_NAMES: Record<HaltMode, string> = { halt: 'Halt', reduce: 'Reduce only', flatten: 'Flatten' };
const REASONS = ['Stopped by hand', 'It does not look right', 'News', 'Trouble at the broker', 'An agent misbehaves', 'A test of Stop'];

interface Choice {
  id: string;
  name: string;
}

const once = (choices: Choice[]): Choice[] => [...new Map(choices.map((each) => [each.id, each])).values()];

function choicesOf(type: ScopeType, overview: Overview | undefined, strategies: Choice[]): Choice[] {
  if (type === 'strategy') return strategies;
  if (!overview) return [];
  if (type === 'account') return once(overview.accounts.map(({ id, name }) => ({ id, name })));
  if (type === 'agent') return overview.agents.map(({ id, name }) => ({ id, name }));
  return type === 'symbol' ? once(overview.openPositions.map(({ symbol }) => ({ id: symbol, name: symbol }))) : [];
}

/** What to stop, how, and why. Everything is filled in: who is in a hurry only holds the button. */
export function StopForm({ overview, onAsked }: { overview: Overview | undefined; onAsked: (key: string) => void }) {
  const session = useSession();
  const [type, setType] = useState<ScopeType>('global');
  const [id, setId] = useState('');
  const [mode, setMode] = useState<HaltMode>('halt');
  const [reason, setReason] = useState(REASONS[0]!);
  const { rows: strategies, query } = useList('/api/v1/strategies', { query: { limit: 200 } }, { enabled: type === 'strategy' });
  const choices = choicesOf(type, overview, strategies.map((each) => ({ id: each.id, name: each.name })));
  const name = choices.find((each) => each.id === id)?.name ?? null;
  // What was typed before the choices were read stays as it is.
  const isChosen = type !== 'symbol' && choices.length > 0 && (id === '' || name !== null);
  const scope: Scope = type === 'global' ? { type } : { type, id: id.trim() };
  const missing = scope.type !== 'global' && scope.id === '';
  const ask = () => onAsked(keepStop({
    scope, mode, name, reason: reason.trim().slice(0, 1_000) || REASONS[0]!, userId: session.state === 'in' ? session.user.id : null, leases: leasesOf(overview),
  }));
  return (
    <>
      <fieldset className={css.choices}>
        <legend>What</legend>
        <div className={css.scopes}>
          {SCOPES.map(([value, label]) => (
            <label key={value} className="row"><input type="radio" name="scope" checked={type === value} onChange={() => { setType(value); setId(''); }} /> {label}</label>
          ))}
        </div>
      </fieldset>
      {type === 'global' ? null : isChosen
        ? <Field name="Which"><select value={id} onChange={({ target }) => setId(target.value)}><option value="">Choose …</option>{choices.map((each) => <option key={each.id} value={each.id}>{each.name}</option>)}</select></Field>
        : (
          <Field name="Which" about={type === 'symbol' ? 'In any spelling; it need not be held.' : `Its name or id.${query.error ? ` The list could not be read: ${query.error.message}` : ''}`}>
            <input value={id} list="stop-symbols" autoCapitalize="characters" autoComplete="off" spellCheck={false} onChange={({ target }) => setId(target.value)} />
          </Field>
        )}
      <datalist id="stop-symbols">{type === 'symbol' ? choices.map((each) => <option key={each.id} value={each.id} />) : null}</datalist>
      <fieldset className={css.choices}>
        <legend>How</legend>
        {MODES.map((value) => (
          <label key={value} className={css.choice}>
            <input type="radio" name="mode" checked={mode === value} onChange={() => setMode(value)} />
            <span><strong>{MODE_NAMES[value]}</strong> <span className="quiet">{MEANS[value]}</span></span>
          </label>
        ))}
      </fieldset>
      <Field name="Why" about="May stay as it is."><input value={reason} maxLength={1_000} list="stop-reasons" onChange={({ target }) => setReason(target.value)} /></Field>
      <datalist id="stop-reasons">{REASONS.map((each) => <option key={each} value={each} />)}</datalist>
      <div className={css.do}>
        <HoldButton onHeld={ask} disabled={missing}>{missing ? `Choose which ${type} first` : deedOf(mode, { ...scope, name })}</HoldButton>
      </div>
    </>
  );
}
