import { useId } from 'react';
import { asPercent } from '../../../kit/decimal.js';
import { LimitShown } from './limit-telling.js';
import { type LimitName, type LimitValue, MEANINGS, unitOf } from './limit-meanings.js';
import css from './limits.module.css';

interface Props {
  name: LimitName;
  value: LimitValue;
  before: LimitValue;
  currency: string;
  /** `off`: nothing is held back; of narrower limits what stands above holds. */
  nullMeans: string;
  mayChange: boolean;
  error: string | undefined;
  onChange: (value: LimitValue) => void;
}

const typed = (form: string, text: string): LimitValue => (form === 'count' && /^\d{1,9}$/.test(text.trim()) ? Number(text) : text.trim());

/** One limit: what it is, its value and unit, and in amber when nothing is held back by it. */
export function LimitField({ name, value, before, currency, nullMeans, mayChange, error, onChange }: Props) {
  const id = useId();
  const { title, form, about } = MEANINGS[name];
  const isOff = value === null;
  const canBeNull = form !== 'switch' || nullMeans !== 'off';
  const begin = (): LimitValue => before ?? (form === 'switch' ? MEANINGS[name].tighter === 'true' : '');
  const changed = JSON.stringify(value) !== JSON.stringify(before);
  return (
    <div className={css.limit} data-off={isOff && nullMeans === 'off'} data-changed={changed}>
      <label className={css.name} htmlFor={id}>{title}</label>
      {!mayChange ? <div id={id}><LimitShown name={name} value={value} currency={currency} nullMeans={nullMeans} /></div> : isOff ? <div id={id} className={nullMeans === 'off' ? 'doubt' : 'quiet'}>{nullMeans === 'off' ? '▲ off: nothing is held back' : nullMeans}</div> : (
        <div className={css.input}>
          {form === 'switch' ? (
            <select id={id} value={String(value)} aria-describedby={`${id}-about`} onChange={({ target }) => onChange(target.value === 'true')}><option value="true">yes</option><option value="false">no</option></select>
          ) : (
            <input id={id} inputMode="decimal" autoComplete="off" value={String(value)} aria-describedby={`${id}-about`} aria-invalid={error !== undefined} onChange={({ target }) => onChange(typed(form, target.value))} />
          )}
          {unitOf(name, currency) ? <span className={css.unit}>{unitOf(name, currency)}</span> : null}
        </div>
      )}
      <div className={css.foot} id={`${id}-about`}>
        <span className="quiet">{form === 'fraction' && value !== null && /^\d*\.?\d+$/.test(String(value)) && mayChange ? <strong>{asPercent(String(value))} </strong> : null}{about} <code>{name}</code></span>
        {mayChange && canBeNull ? <label className={css.offBox}><input type="checkbox" checked={isOff} aria-label={`${title}: ${nullMeans === 'off' ? 'off' : 'not set here'}`} onChange={({ target }) => onChange(target.checked ? null : begin())} /> {nullMeans === 'off' ? 'off' : 'not set'}</label> : null}
      </div>
      {!mayChange && isOff && nullMeans === 'off' ? <p className="doubt small">Off: nothing is held back.</p> : null}
      {changed ? <p className="small quiet">was <LimitShown name={name} value={before} currency={currency} nullMeans={nullMeans} /></p> : null}
      {error ? <p className="danger small" role="alert">■ {error}</p> : null}
    </div>
  );
}
