import { useFilter } from '../../kit/address.js';
import { Field } from '../../kit/field.js';
import css from './trade-filters.module.css';
import { MODES, STATUSES } from './trade-words.js';
import { useAccounts, useAgents } from '../../shared/names.js';

/** Filters of the address that this names; each is left out where a page has no use for it. */
export type FilterName = 'account' | 'agent' | 'mode' | 'status' | 'symbol' | 'from' | 'to';

export function TradeFilters({ names, of }: { names: readonly FilterName[]; of: 'entry' | 'exit' }) {
  const accounts = useAccounts();
  const agents = useAgents();
  const choices: Partial<Record<FilterName, { label: string; all: string; options: { value: string; name: string }[] }>> = {
    account: { label: 'Account', all: 'all accounts', options: accounts.map(({ id, name }) => ({ value: id, name })) },
    agent: { label: 'Agent', all: 'all agents', options: agents.map(({ id, name }) => ({ value: id, name })) },
    mode: { label: 'Mode', all: 'all modes', options: MODES.map((name) => ({ value: name, name: name === 'live' ? 'LIVE' : name })) },
    status: { label: 'Status', all: 'any status', options: STATUSES.map((name) => ({ value: name, name })) },
  };
  return (
    <form className={css.filters} onSubmit={(event) => event.preventDefault()} aria-label="Filters">
      {names.map((name) => (choices[name]
        ? <Choice key={name} name={name} {...choices[name]} />
        : name === 'symbol' ? <SymbolFilter key={name} /> : <Day key={name} name={name as 'from' | 'to'} of={of} />))}
    </form>
  );
}

function Choice({ name, label, all, options }: { name: FilterName; label: string; all: string; options: { value: string; name: string }[] }) {
  const [value, set] = useFilter(name);
  // An address may name what is not in the list; it is still what is asked for.
  const isListed = value === '' || options.some((option) => option.value === value);
  return (
    <Field name={label}>
      <select value={value} onChange={({ target }) => set(target.value)}>
        <option value="">{all}</option>
        {isListed ? null : <option value={value}>{value}</option>}
        {options.map((option) => <option key={option.value} value={option.value}>{option.name}</option>)}
      </select>
    </Field>
  );
}

function SymbolFilter() {
  const [value, set] = useFilter('symbol');
  return (
    <Field name="Symbol">
      <input key={value} defaultValue={value} placeholder="all" autoCapitalize="characters" spellCheck={false} maxLength={64}
        onBlur={({ target }) => set(target.value.trim())} onKeyDown={({ key, currentTarget }) => key === 'Enter' && set(currentTarget.value.trim())} />
    </Field>
  );
}

function Day({ name, of }: { name: 'from' | 'to'; of: 'entry' | 'exit' }) {
  const [value, set] = useFilter(name);
  return <Field name={`${of === 'entry' ? 'Entered' : 'Closed'} ${name === 'from' ? 'from' : 'to, included'}`}><input type="date" value={value} onChange={({ target }) => set(target.value)} /></Field>;
}
