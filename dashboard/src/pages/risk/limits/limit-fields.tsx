import { LimitField } from './limit-field.js';
import { GROUPS, type LimitName, type Limits } from './limit-meanings.js';
import css from './limits.module.css';

interface Props {
  value: Limits;
  before: Limits;
  currency: string;
  nullMeans: string;
  mayChange: boolean;
  errorOf: (name: LimitName) => string | undefined;
  onChange: (limits: Limits) => void;
}

/** The limits by what they are for. */
export function LimitFields({ value, before, currency, nullMeans, mayChange, errorOf, onChange }: Props) {
  return GROUPS.map(({ name: group, limits }) => (
    <fieldset key={group} className={css.group}>
      <legend>{group}</legend>
      <div className={css.fields}>
        {(Object.keys(limits) as LimitName[]).map((name) => (
          <LimitField key={name} name={name} value={value[name]} before={before[name]} currency={currency} nullMeans={nullMeans} mayChange={mayChange} error={errorOf(name)} onChange={(next) => onChange({ ...value, [name]: next })} />
        ))}
      </div>
    </fieldset>
  ));
}
