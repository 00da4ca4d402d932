import { useEffect, useState, type ReactNode } from 'react';
import { useFilter } from './address.js';
import { Field } from './field.js';
import css from './filters.module.css';

/** Filters of a list; each lives in the address. */
export const Filters = ({ children }: { children: ReactNode }) => <div className={css.filters} role="search">{children}</div>;

interface ChoiceProps {
  /** In the address, and as the API calls it. */
  of: string;
  name: string;
  choices: readonly { value: string; name: string }[];
  /** What the empty choice is called. */
  all?: string;
}

export function FilterChoice({ of, name, choices, all = 'all' }: ChoiceProps) {
  const [value, set] = useFilter(of);
  return (
    <Field name={name}>
      <select value={value} onChange={({ target }) => set(target.value)}>
        <option value="">{all}</option>
        {choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.name}</option>)}
      </select>
    </Field>
  );
}

const PAUSE_MS = 400;

/** Asked for when nothing has been typed for a moment. */
export function FilterText({ of, name, upper = false }: { of: string; name: string; upper?: boolean }) {
  const [value, set] = useFilter(of);
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    const wanted = upper ? typed.trim().toUpperCase() : typed.trim();
    if (wanted === value) return;
    const timer = setTimeout(() => set(wanted), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, value, set, upper]);
  return <Field name={name}><input value={typed} onChange={({ target }) => setTyped(target.value)} autoComplete="off" spellCheck={false} /></Field>;
}

/** The viewer's own zone in the field, UTC in the address. */
export function FilterTime({ of, name }: { of: string; name: string }) {
  const [value, set] = useFilter(of);
  const at = Date.parse(value);
  const shown = Number.isNaN(at) ? '' : new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  return <Field name={name}><input type="datetime-local" value={shown} onChange={({ target }) => set(target.value === '' ? '' : new Date(target.value).toISOString())} /></Field>;
}
