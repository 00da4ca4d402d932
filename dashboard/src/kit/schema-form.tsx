import { useId, useMemo } from 'react';
import type { ApiError } from '../api/problem.js';
import { Field } from './field.js';
import css from './schema-form.module.css';
import { InstantInput, JsonInput, RecordInput, TextListInput, WordListInput } from './schema-inputs.js';
import { alternativeOf, blankOf, choiceName, kindOf, plainOf, type Schema, tagOf, titleOf, withoutRefs } from './schema.js';

interface FormProps {
  /** As the API has it: what is checked there is what is asked here. */
  schema: Schema;
  value: unknown;
  onChange: (value: unknown) => void;
  /** The server's refusal, shown at the fields that it names. */
  error?: ApiError | null | undefined;
  /** Where the value stands in the body, such as `payload`: errors name fields from there. */
  path?: string;
  /** Fields that are asked for elsewhere, or not at all. */
  without?: readonly string[];
}

/** A form made from a JSON Schema: objects, lists, words to choose from, decimals as text, alternatives, free JSON where nothing is said. */
export function SchemaForm({ schema, ...rest }: FormProps) {
  const whole = useMemo(() => withoutRefs(schema), [schema]);
  return <ObjectForm schema={whole} {...rest} />;
}

function ObjectForm({ schema: given, value, onChange, error, path = '', without = [] }: FormProps) {
  const { schema } = plainOf(given);
  if (kindOf(schema) !== 'object') return <div className={css.form}><Input name={path || 'value'} schema={schema} isRequired value={value} onChange={onChange} error={error} path={path} /></div>;
  const object = (value ?? {}) as Record<string, unknown>;
  const set = (name: string, next: unknown) => {
    const { [name]: _old, ...rest } = object;
    onChange(next === undefined ? rest : { ...rest, [name]: next });
  };
  return (
    <div className={css.form}>
      {Object.entries(schema.properties ?? {}).filter(([name]) => !without.includes(name)).map(([name, property]) => (
        <Input key={name} name={name} schema={property} isRequired={schema.required?.includes(name) ?? false} value={object[name]} onChange={(next) => set(name, next)} error={error} path={path ? `${path}.${name}` : name} />
      ))}
    </div>
  );
}

export interface InputProps extends Omit<FormProps, 'without'> {
  name: string;
  isRequired: boolean;
  path: string;
}

/** What the server says of this place; with `below`, also of what lies within it and has no input of its own. */
function wrongAt(error: ApiError | null | undefined, path: string, below = false): string | undefined {
  const found = error?.problem.errors?.filter((each) => each.path === path || (below && each.path.startsWith(`${path}.`))) ?? [];
  return found.length === 0 ? undefined : found.map((each) => (each.path === path ? each.message : `${each.path.slice(path.length + 1)}: ${each.message}`)).join('; ');
}

function Input(props: InputProps) {
  const { schema, isNullable } = plainOf(props.schema);
  if (isNullable) return <Nullable {...props} schema={schema} />;
  return <Plain {...props} schema={schema} />;
}

const boundsOf = ({ minimum, maximum }: Schema): string => [minimum === undefined ? '' : `at least ${minimum}`, maximum === undefined ? '' : `at most ${maximum}`].filter(Boolean).join(', ');

function Plain(props: InputProps) {
  const { name, schema, isRequired, value, onChange, error, path } = props;
  const kind = kindOf(schema);
  const label = `${titleOf(name)}${isRequired ? '' : ' (optional)'}`;
  const about = [schema.description, kind === 'whole' ? boundsOf(schema) : ''].filter(Boolean).join(' · ');
  const wrong = wrongAt(error, path, !['object', 'list', 'alternatives'].includes(kind));
  const text = (next: string) => onChange(next === '' ? undefined : next);
  const shown = value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
  switch (kind) {
    case 'object': return <ObjectInput {...props} label={label} />;
    case 'list': return <ListInput {...props} label={label} />;
    case 'alternatives': return <Alternatives {...props} label={label} />;
    case 'record': return <RecordInput label={label} about={about} schema={schema} value={value} onChange={onChange} error={wrong} />;
    case 'json': return <JsonInput name={label} value={value} onChange={onChange} about={[about, 'JSON'].filter(Boolean).join(' · ')} error={wrong} />;
    case 'wordList': return <WordListInput label={label} about={about} words={(plainOf(schema.items!).schema.enum ?? []).map(String)} value={value} onChange={onChange} error={wrong} />;
    case 'textList': return <TextListInput label={label} about={about} value={value} onChange={onChange} error={wrong} />;
    case 'instant': return <InstantInput label={label} about={about} value={value} onChange={onChange} error={wrong} />;
    case 'words': case 'switch': {
      const words: readonly unknown[] = kind === 'switch' ? [true, false] : schema.enum ?? [schema.const];
      return (
        <Field name={label} about={about} error={wrong}>
          <select value={String(value ?? '')} onChange={({ target }) => onChange(target.value === '' ? undefined : words.find((word) => String(word) === target.value))}>
            {isRequired && value !== undefined ? null : <option value="">—</option>}
            {words.map((word) => <option key={String(word)} value={String(word)}>{word === true ? 'yes' : word === false ? 'no' : String(word)}</option>)}
          </select>
        </Field>
      );
    }
    case 'whole': case 'number':
      return <Field name={label} about={about} error={wrong}><input inputMode="decimal" autoComplete="off" value={shown} onChange={({ target }) => onChange(numberOr(target.value))} /></Field>;
    case 'day':
      return <Field name={label} about={about} error={wrong}><input type="date" value={shown} onChange={({ target }) => text(target.value)} /></Field>;
    case 'decimal':
      return <Field name={label} about={about} error={wrong}><input inputMode="decimal" autoComplete="off" value={shown} onChange={({ target }) => text(target.value)} /></Field>;
    default:
      return (
        <Field name={label} about={about} error={wrong}>
          {(schema.maxLength ?? 0) > 300 ? <textarea value={shown} onChange={({ target }) => text(target.value)} /> : <input autoComplete="off" placeholder={isClock(schema) ? 'HH:MM' : undefined} value={shown} onChange={({ target }) => text(target.value)} />}
        </Field>
      );
  }
}

const isClock = ({ pattern = '' }: Schema): boolean => pattern.includes('[0-5]\\d');

/** What is no number stays as it was typed, and the server says what is wrong with it. */
const numberOr = (text: string): unknown => (text.trim() === '' ? undefined : /^-?\d{1,15}(\.\d{1,6})?$/.test(text.trim()) ? Number(text) : text);

/** Null is a word of its own beside the input: a field that is empty has not been decided. */
function Nullable(props: InputProps) {
  const { name, schema, value, onChange } = props;
  const id = useId();
  // What is left out altogether is neither said nor taken away.
  if (value === undefined && !props.isRequired && kindOf(schema) === 'object') return <Plain {...props} />;
  const isWide = ['object', 'list', 'alternatives', 'record', 'json'].includes(kindOf(schema));
  return (
    <div className={`${css.nullable} ${isWide ? css.wide : ''}`}>
      {value === null ? <p className={css.noneName}>{titleOf(name)}{schema.description ? <span className="small quiet"> {schema.description}</span> : null}</p> : <Plain {...props} />}
      <label className={css.none} htmlFor={id}><input id={id} type="checkbox" aria-label={`${titleOf(name)}: none`} checked={value === null} onChange={({ target }) => onChange(target.checked ? null : blankOf(schema))} /> none</label>
    </div>
  );
}

interface Labelled extends InputProps {
  label: string;
}

function ObjectInput({ label, ...props }: Labelled) {
  const { name, schema, isRequired, value, onChange, error, path } = props;
  if (value === undefined && !isRequired) return <div className={css.wide}><button type="button" className="small" onClick={() => onChange(blankOf(schema))}>Add {titleOf(name).toLowerCase()}</button>{schema.description ? <span className="small quiet"> {schema.description}</span> : null}</div>;
  const wrong = wrongAt(error, path);
  return (
    <fieldset className={css.group}>
      <legend>{label}</legend>
      {schema.description ? <p className="small quiet">{schema.description}</p> : null}
      {wrong ? <p className="danger small" role="alert">■ {wrong}</p> : null}
      <ObjectForm schema={schema} value={value} onChange={onChange} error={error} path={path} />
      {isRequired ? null : <div><button type="button" className="small" onClick={() => onChange(undefined)}>Leave out {titleOf(name).toLowerCase()}</button></div>}
    </fieldset>
  );
}

function Alternatives({ label, ...props }: Labelled) {
  const { value, onChange, name, schema, error, path } = props;
  const choices = schema.anyOf ?? [];
  const at = alternativeOf(choices, value);
  const chosen = at < 0 ? null : plainOf(choices[at]!).schema;
  const isObject = chosen !== null && kindOf(chosen) === 'object';
  const wrong = at < 0 ? wrongAt(error, path, true) : isObject ? wrongAt(error, path) : undefined;
  // The choice itself says its tag.
  const tags = isObject ? Object.entries(chosen.properties ?? {}).filter(([, each]) => tagOf(each) !== undefined).map(([tag]) => tag) : [];
  return (
    <fieldset className={css.group}>
      <legend>{label}</legend>
      {schema.description ? <p className="small quiet">{schema.description}</p> : null}
      <select aria-label={`Kind of ${titleOf(name).toLowerCase()}`} value={at} onChange={({ target }) => onChange(Number(target.value) < 0 ? undefined : blankOf(choices[Number(target.value)]!))}>
        {at < 0 || !props.isRequired ? <option value={-1}>—</option> : null}
        {choices.map((choice, index) => <option key={index} value={index}>{choiceName(choice)}</option>)}
      </select>
      {wrong ? <p className="danger small" role="alert">■ {wrong}</p> : null}
      {chosen === null ? null : isObject ? <ObjectForm schema={chosen} value={value} onChange={onChange} error={error} path={path} without={tags} /> : <div className={css.form}><Input {...props} schema={chosen} isRequired /></div>}
    </fieldset>
  );
}

function ListInput({ name, schema, isRequired, value, onChange, error, path, label }: Labelled) {
  const items = Array.isArray(value) ? value : [];
  const wrong = wrongAt(error, path);
  const set = (index: number, next: unknown) => onChange(items.map((item, i) => (i === index ? next : item)));
  const without = (index: number) => items.filter((_, i) => i !== index);
  return (
    <fieldset className={css.group}>
      <legend>{label}</legend>
      {schema.description ? <p className="small quiet">{schema.description}</p> : null}
      {wrong ? <p className="danger small" role="alert">■ {wrong}</p> : null}
      {items.map((item, index) => (
        <div key={index} className={css.item}>
          <div className={css.form}><Input name={`${titleOf(name)} ${index + 1}`} schema={schema.items!} isRequired value={item} onChange={(next) => set(index, next)} error={error} path={`${path}.${index}`} /></div>
          <button type="button" className="small" onClick={() => onChange(items.length === 1 && !isRequired ? undefined : without(index))}>Remove {index + 1}</button>
        </div>
      ))}
      <div><button type="button" className="small" onClick={() => onChange([...items, blankOf(schema.items!)])}>Add one</button></div>
    </fieldset>
  );
}
