import { useId } from 'react';
import type { ApiError } from '../api/problem.js';
import { Field } from './field.js';
import css from './schema-form.module.css';
import { alternativeOf, type Alternative, blankOf, isDecimal, type Schema, schemaAlternatives, titleOf } from './schema.js';

interface FormProps {
  /** As the API has it: what is checked there is what is asked here. */
  schema: Schema;
  value: unknown;
  onChange: (value: unknown) => void;
  /** The server's refusal, shown at the fields that it names. */
  error?: ApiError | null | undefined;
  /** Where the value stands in the body, such as `payload`: errors name fields from there. */
  path?: string;
}

/** A form made from a JSON Schema: objects, lists, words to choose from, decimals as text, alternatives, free JSON where nothing is said. */
export function SchemaForm({ schema, value, onChange, error, path = '' }: FormProps) {
  const properties = Object.entries(schema.properties ?? {});
  if (properties.length === 0 && schema.type === 'object') return <JsonInput name={titleOf(path) || 'Value'} value={value ?? {}} onChange={onChange} about="free JSON" error={error?.of(path)} />;
  const object = (value ?? {}) as Record<string, unknown>;
  const set = (name: string, next: unknown) => {
    const { [name]: _old, ...rest } = object;
    onChange(next === undefined ? rest : { ...rest, [name]: next });
  };
  return (
    <div className={css.form}>
      {properties.map(([name, property]) => (
        <Input key={name} name={name} schema={property} isRequired={schema.required?.includes(name) ?? false} value={object[name]} onChange={(next) => set(name, next)} error={error} path={path ? `${path}.${name}` : name} />
      ))}
    </div>
  );
}

interface InputProps extends FormProps {
  name: string;
  isRequired: boolean;
  path: string;
}

function Input(props: InputProps) {
  const { name, schema, isRequired, value, onChange, error, path } = props;
  const label = `${titleOf(name)}${isRequired ? '' : ' (optional)'}`;
  const wrong = error?.of(path);
  const choices = schemaAlternatives(schema);
  const isNullable = choices.some(({ type }) => type === 'null');
  const real = choices.filter(({ type }) => type !== 'null');
  const about = <>{schema.description ?? real[0]?.description}{isNullable ? ' · may be null: off' : ''}</>;
  if (isNullable && real.length > 0) return <Nullable {...props} schema={real.length === 1 ? real[0]! : { anyOf: real }} label={label} />;
  if (real.length > 1 && !isDecimal(schema)) return <Alternatives {...props} choices={real} label={label} />;
  const only = real[0] ?? schema;
  const words = only.enum ?? (only.const !== undefined ? [only.const] : undefined);
  if (words) {
    return (
      <Field name={label} about={about} error={wrong}>
        <select value={String(value ?? '')} onChange={({ target }) => onChange(target.value === '' ? undefined : words.find((word) => String(word) === target.value))}>
          {isRequired && value !== undefined ? null : <option value="">—</option>}
          {words.map((word) => <option key={String(word)} value={String(word)}>{String(word)}</option>)}
        </select>
      </Field>
    );
  }
  if (only.type === 'boolean') {
    return (
      <Field name={label} about={about} error={wrong}>
        <select value={value === undefined ? '' : String(value)} onChange={({ target }) => onChange(target.value === '' ? undefined : target.value === 'true')}>
          <option value="">—</option><option value="true">yes</option><option value="false">no</option>
        </select>
      </Field>
    );
  }
  if (only.type === 'array' && only.items) return <ListInput {...props} schema={only} label={label} />;
  if (only.type === 'object' && only.properties) {
    return (
      <fieldset className={css.group}>
        <legend>{label}</legend>
        {schema.description ? <p className="small quiet">{schema.description}</p> : null}
        <SchemaForm schema={only} value={value} onChange={onChange} error={error} path={path} />
      </fieldset>
    );
  }
  if (only.type === 'integer' || (only.type === 'number' && !isDecimal(schema))) {
    return <Field name={label} about={about} error={wrong}><input inputMode="numeric" value={value === undefined || value === null ? '' : String(value)} onChange={({ target }) => onChange(numberOr(target.value))} /></Field>;
  }
  if (isDecimal(schema) || only.type === 'string') {
    const long = (only.maxLength ?? 0) > 300;
    const shown = value === undefined || value === null ? '' : String(value);
    return (
      <Field name={label} about={about} error={wrong}>
        {long ? <textarea value={shown} onChange={({ target }) => onChange(target.value === '' ? undefined : target.value)} /> : <input inputMode={isDecimal(schema) ? 'decimal' : undefined} value={shown} onChange={({ target }) => onChange(target.value === '' ? undefined : target.value)} />}
      </Field>
    );
  }
  return <JsonInput name={label} value={value} onChange={onChange} about={schema.description ?? 'JSON'} error={wrong} />;
}

/** What is no number stays as it was typed, and the server says what is wrong with it. */
const numberOr = (text: string): unknown => (text.trim() === '' ? undefined : /^-?\d{1,15}(\.\d{1,6})?$/.test(text.trim()) ? Number(text) : text);

function Nullable({ label, ...props }: InputProps & { label: string }) {
  const { schema, value, onChange } = props;
  const id = useId();
  return (
    <div className={value === null ? css.off : undefined}>
      <label className="row small" htmlFor={id}><input id={id} type="checkbox" checked={value === null} onChange={({ target }) => onChange(target.checked ? null : blankOf(schema))} /> {titleOf(props.name)}: off (null)</label>
      {value === null ? <p className="doubt small">▲ {titleOf(props.name)} is off: nothing is held back by it.</p> : <Input {...props} />}
      <span className="unseen">{label}</span>
    </div>
  );
}

function Alternatives({ choices, label, ...props }: InputProps & { choices: Alternative[]; label: string }) {
  const { value, onChange, name } = props;
  const at = alternativeOf(choices, value);
  return (
    <fieldset className={css.group}>
      <legend>{label}</legend>
      <select aria-label={`Kind of ${titleOf(name)}`} value={at} onChange={({ target }) => onChange(blankOf(choices[Number(target.value)]!))}>
        {at < 0 ? <option value={-1}>—</option> : null}
        {choices.map((choice, index) => <option key={index} value={index}>{choice.label}</option>)}
      </select>
      {at >= 0 ? <Input {...props} schema={choices[at]!} isRequired /> : null}
    </fieldset>
  );
}

function ListInput({ schema, value, onChange, error, path, label }: InputProps & { label: string }) {
  const items = Array.isArray(value) ? value : [];
  const set = (index: number, next: unknown) => onChange(items.map((item, i) => (i === index ? next : item)));
  return (
    <fieldset className={css.group}>
      <legend>{label}</legend>
      {schema.description ? <p className="small quiet">{schema.description}</p> : null}
      {items.map((item, index) => (
        <div key={index} className={css.item}>
          <Input name={String(index + 1)} schema={schema.items!} isRequired value={item} onChange={(next) => set(index, next)} error={error} path={`${path}.${index}`} />
          <button type="button" className="small" onClick={() => onChange(items.filter((_, i) => i !== index))}>Remove {index + 1}</button>
        </div>
      ))}
      <button type="button" className="small" onClick={() => onChange([...items, blankOf(schema.items!)])}>Add</button>
    </fieldset>
  );
}

/** Text that is JSON; while it is not, the text itself is the value, and the server refuses it by name. */
function JsonInput({ name, value, onChange, about, error }: { name: string; value: unknown; onChange: (value: unknown) => void; about: string; error?: string | undefined }) {
  const parse = (text: string): unknown => {
    if (text.trim() === '') return undefined;
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  };
  const shown = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value, null, 2);
  return <Field name={name} about={about} error={error}><textarea className="code" spellCheck={false} defaultValue={shown} onChange={({ target }) => onChange(parse(target.value))} /></Field>;
}
