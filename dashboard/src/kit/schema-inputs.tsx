import { useEffect, useState } from 'react';
import { Field } from './field.js';
import css from './schema-form.module.css';
import { kindOf, plainOf, type Schema, valuesOf } from './schema.js';

interface LeafProps {
  label: string;
  about: string;
  value: unknown;
  onChange: (value: unknown) => void;
  error: string | undefined;
}

/** Some of a few words, such as days of the week. */
export function WordListInput({ label, about, words, value, onChange, error }: LeafProps & { words: readonly string[] }) {
  const chosen = Array.isArray(value) ? (value as unknown[]).map(String) : [];
  const toggle = (word: string) => onChange(words.filter((each) => (each === word ? !chosen.includes(word) : chosen.includes(each))));
  return (
    <fieldset className={css.words}>
      <legend>{label}</legend>
      <div className="row">{words.map((word) => <label key={word} className={css.word}><input type="checkbox" checked={chosen.includes(word)} onChange={() => toggle(word)} /> {word}</label>)}</div>
      <p className="small quiet">{about}{error ? <span className="danger" role="alert"> ■ {error}</span> : null}</p>
    </fieldset>
  );
}

/** Short texts, one on each line: five hundred symbols are pasted, not clicked together. */
export function TextListInput({ label, about, value, onChange, error }: LeafProps) {
  const [text, setText] = useState(() => linesOf(value));
  useEffect(() => setText((now) => (JSON.stringify(partsOf(now)) === JSON.stringify(value ?? []) ? now : linesOf(value))), [value]);
  const take = (next: string) => {
    setText(next);
    onChange(partsOf(next));
  };
  return <Field name={label} about={[about, 'one on each line'].filter(Boolean).join(' · ')} error={error}><textarea className="code" spellCheck={false} value={text} onChange={({ target }) => take(target.value)} /></Field>;
}

const linesOf = (value: unknown): string => (Array.isArray(value) ? value.join('\n') : '');
const partsOf = (text: string): string[] => text.split(/[\n,;]+/).map((each) => each.trim()).filter(Boolean);

/** A moment in the viewer's zone, told to the server in UTC. */
export function InstantInput({ label, about, value, onChange, error }: LeafProps) {
  const ms = value === undefined || value === null || value === '' ? NaN : new Date(value as string | number).getTime();
  const pad = (n: number) => String(n).padStart(2, '0');
  const at = new Date(ms);
  const shown = Number.isNaN(ms) ? '' : `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  return (
    <Field name={label} about={[about, 'your time zone'].filter(Boolean).join(' · ')} error={error}>
      <input type="datetime-local" step="1" value={shown} onChange={({ target }) => onChange(target.value === '' ? undefined : new Date(target.value).toISOString())} />
    </Field>
  );
}

/** Names and values, such as one spelling for another. */
export function RecordInput({ label, about, schema, value, onChange, error }: LeafProps & { schema: Schema }) {
  const entries = Object.entries((value ?? {}) as Record<string, unknown>);
  const isNumber = ['whole', 'number'].includes(kindOf(plainOf(valuesOf(schema)).schema));
  const put = (next: [string, unknown][]) => onChange(Object.fromEntries(next));
  const change = (index: number, entry: [string, unknown]) => put(entries.map((each, i) => (i === index ? entry : each)));
  const read = (text: string): unknown => (isNumber && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text);
  return (
    <fieldset className={css.group}>
      <legend>{label}</legend>
      {about ? <p className="small quiet">{about}</p> : null}
      {entries.map(([name, each], index) => (
        <div key={index} className={css.pair}>
          <input aria-label={`Name ${index + 1}`} value={name} onChange={({ target }) => change(index, [target.value, each])} />
          <input aria-label={`Value of ${name || index + 1}`} value={String(each ?? '')} onChange={({ target }) => change(index, [name, read(target.value)])} />
          <button type="button" className="small" aria-label={`Remove ${name || index + 1}`} onClick={() => put(entries.filter((_, i) => i !== index))}>✕</button>
        </div>
      ))}
      {error ? <p className="danger small" role="alert">■ {error}</p> : null}
      <div><button type="button" className="small" disabled={entries.some(([name]) => name === '')} onClick={() => put([...entries, ['', '']])}>Add one</button></div>
    </fieldset>
  );
}

/** Text that is JSON; while it is not, the text itself is the value, and the server refuses it by name. */
export function JsonInput({ name, value, onChange, about, error }: { name: string; value: unknown; onChange: (value: unknown) => void; about: string; error: string | undefined }) {
  const [text, setText] = useState(() => jsonText(value));
  useEffect(() => setText((now) => (JSON.stringify(parsed(now)) === JSON.stringify(value) ? now : jsonText(value))), [value]);
  const take = (next: string) => {
    setText(next);
    onChange(parsed(next));
  };
  const isBroken = text.trim() !== '' && typeof parsed(text) === 'string' && !text.trim().startsWith('"');
  return <div className={css.wide}><Field name={name} about={about} error={error ?? (isBroken ? 'this is not JSON yet' : undefined)}><textarea className="code" spellCheck={false} value={text} onChange={({ target }) => take(target.value)} /></Field></div>;
}

const jsonText = (value: unknown): string => (value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value, null, 2));

function parsed(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
