import { Field } from '../../../kit/field.js';
import { titleOf } from '../../../kit/schema.js';
import type { Secret } from './channels.js';

interface Props {
  name: string;
  isSet: boolean;
  value: Secret;
  about: string;
  error: string | undefined;
  onChange: (value: Secret) => void;
}

/** Empty keeps what is stored; taking it away is said, never an accident. */
export function SecretField({ name, isSet, value, about, error, onChange }: Props) {
  const title = titleOf(name);
  const isRemoved = 'remove' in value;
  return (
    <div className="stack">
      <Field name={title} error={error} about={<>{isRemoved ? <span className="doubt">▲ will be taken away. </span> : isSet ? 'Set, and never shown; empty keeps it. ' : 'Not set. '}{about}</>}>
        <input type="password" autoComplete="new-password" disabled={isRemoved} placeholder={isSet ? '••••••••' : ''} value={'set' in value ? value.set : ''} onChange={({ target }) => onChange(target.value === '' ? { keep: true } : { set: target.value })} />
      </Field>
      {isSet ? <div><button type="button" className="small" onClick={() => onChange(isRemoved ? { keep: true } : { remove: true })}>{isRemoved ? `Keep ${title.toLowerCase()}` : `Take ${title.toLowerCase()} away`}</button></div> : null}
    </div>
  );
}
