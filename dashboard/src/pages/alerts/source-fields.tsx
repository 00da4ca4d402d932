import type { ReactNode } from 'react';
import type { ApiError } from '../../api/problem.js';
import { useGet } from '../../api/queries.js';
import { Field } from '../../kit/field.js';
import { useAgents } from '../../shared/names.js';
import css from './source-fields.module.css';
import type { TypedSource } from './source-typed.js';
import { ACTIONS } from './words.js';

interface Props {
  typed: TypedSource;
  onChange: (typed: TypedSource) => void;
  error: ApiError | null;
  /** Whether it has a secret in the body already, which nobody can see. */
  hasSecret: boolean;
}

/** All that a source is made of. Empty means off, or as the server has it by default. */
export function SourceFields({ typed, onChange, error, hasSecret }: Props) {
  const agents = useAgents().filter(({ retired, id }) => !retired || id === typed.executorAgentId);
  const strategies = useGet('/api/v1/strategies', { query: { limit: 500 } }, { every: 60_000 }).data?.items ?? [];
  const set = (name: keyof TypedSource) => ({ target }: { target: { value: string } }) => onChange({ ...typed, [name]: target.value });
  const bound = (name: keyof TypedSource) => ({ value: String(typed[name]), onChange: set(name) });
  /** Errors of anything below it are said at it: a mapping has many fields and one place to type. */
  const wrong = (path: string) => error?.problem.errors?.filter((each) => each.path === path || each.path.startsWith(`${path}.`)).map((each) => (each.path === path ? each.message : `${each.path.slice(path.length + 1)} ${each.message}`)).join('; ') || undefined;
  const input = (label: string, name: keyof TypedSource, path: string, about?: ReactNode, numeric: 'decimal' | 'numeric' | undefined = undefined) => <Field name={label} about={about} error={wrong(path)}><input {...bound(name)} inputMode={numeric} autoComplete="off" spellCheck={false} /></Field>;
  const opens = typed.action === 'idea';
  return (
    <div className="stack">
      <div className={css.fields}>
        {input('Name', 'name', 'name')}
        <Field name="What is done with its alerts" error={wrong('route.action')}><select {...bound('action')}>{Object.entries(ACTIONS).map(([value, name]) => <option key={value} value={value}>{name}</option>)}</select></Field>
        <Field name="Traded by" about={typed.action === 'store' ? 'needed for more than keeping them' : undefined} error={wrong('route.executorAgentId')}><select {...bound('executorAgentId')}><option value="">—</option>{agents.map(({ id, name, account, mode }) => <option key={id} value={id}>{name} · {account} · {mode === 'live' ? 'LIVE' : mode}</option>)}</select></Field>
        <Field name="Strategy" error={wrong('route.strategyId')}><select {...bound('strategyId')}><option value="">none</option>{strategies.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}</select></Field>
        {input('An entry counts for', 'maxAgeSeconds', 'route.maxAgeSeconds', 'seconds', 'numeric')}
        {input('A signal is expected within', 'expectSignalWithin', 'route.expectSignalWithin', 'seconds; empty: silence is no incident', 'numeric')}
      </div>
      <fieldset className={css.group} disabled={false}>
        <legend>What an entry lacks</legend>
        {opens ? null : <p className="small quiet">Used only when entries become ideas.</p>}
        <div className={css.fields}>
          {input('Size', 'lotSize', 'defaults.lotSize', "where the alert says none, in the instrument's unit", 'decimal')}
          <Field name="Or so much to lose at the stop" error={wrong('defaults.riskRule')}><input {...bound('risk')} inputMode="decimal" /></Field>
          <Field name="… as"><select {...bound('riskKind')}><option value="amount">money of the account</option><option value="fraction">fraction of the equity</option></select></Field>
          <Field name="Distance of the stop" error={wrong('defaults.stopDistance')}><input {...bound('stop')} inputMode="decimal" /></Field>
          <Field name="… as" about="0.005 of a price is 50 pips of EURUSD, and half a cent of gold"><select {...bound('stopKind')}><option value="fraction">fraction of the price</option><option value="price">distance in price</option></select></Field>
          {input('Target: distance of the stop times', 'rewardToRisk', 'defaults.rewardToRisk', undefined, 'decimal')}
          {input('Confidence', 'confidence', 'defaults.confidence', '0 to 1; empty: a person is asked', 'decimal')}
          {input('Product', 'product', 'defaults.product')}
        </div>
      </fieldset>
      <fieldset className={css.group}>
        <legend>How alerts are read</legend>
        <div className={css.fields}>
          <Field name="Mapping" error={typed.mapping === 'own' ? undefined : wrong('mapping')}><select {...bound('mapping')}><option value="sigmatrader">SigmaTrader</option><option value="traderspost">TradersPost</option><option value="octobot">OctoBot</option><option value="own">my own</option></select></Field>
          {input('Secret in the body', 'bodySecret', 'bodySecret', hasSecret ? 'it has one, which nobody can see; type another to replace it' : 'that each alert has to bring; empty: none')}
          {hasSecret ? <label className="row small"><input type="checkbox" checked={typed.noSecret} onChange={({ target }) => onChange({ ...typed, noSecret: target.checked })} /> Ask for no secret in the body any more</label> : null}
        </div>
        {typed.mapping === 'own' ? <Field name="My own mapping" about="JSON: where each field stands (dotted paths, or {&quot;const&quot;: …}), and what the words of the action mean" error={wrong('mapping')}><textarea className={`code ${css.json}`} {...bound('own')} spellCheck={false} /></Field> : null}
        <div className={css.fields}>
          <Field name="Symbols" about="THEIRS = OURS, a line each" error={wrong('symbols')}><textarea className="code" {...bound('symbols')} spellCheck={false} /></Field>
          <Field name="Addresses that may post" about="a line each; tradingview: its published senders; empty: all" error={wrong('allowedAddresses')}><textarea className="code" {...bound('addresses')} spellCheck={false} /></Field>
        </div>
      </fieldset>
    </div>
  );
}
