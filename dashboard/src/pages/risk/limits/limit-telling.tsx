import { Amount, Money } from '../../../kit/figures.js';
import { asPercent } from '../../../kit/decimal.js';
import { titleOf } from '../../../kit/schema.js';
import type { Telling } from '../../../shared/versioned/change-table.js';
import { type LimitName, type LimitValue, MEANINGS } from './limit-meanings.js';
import { effectOfChange, isLimit } from './looseness.js';

/** A limit with its unit; null in amber, since nothing is held back by it. */
export function LimitShown({ name, value, currency, nullMeans = 'off' }: { name: LimitName; value: LimitValue; currency: string; nullMeans?: string }) {
  if (value === null) return <span className={nullMeans === 'off' ? 'doubt nowrap' : 'quiet nowrap'}>{nullMeans === 'off' ? '▲ off' : nullMeans}</span>;
  const { form, unit } = MEANINGS[name];
  if (form === 'switch') return <>{value ? 'yes' : 'no'}</>;
  if (form === 'amount') return <Money value={String(value)} currency={currency} />;
  if (form === 'fraction') return <span className="nowrap"><Amount value={String(value)} /> <span className="quiet small">= {asPercent(String(value))}</span></span>;
  return <Amount value={String(value)} unit={unit} />;
}

/** How differences of limits are told: by name, with units, and with what they let through. */
export const limitTelling = (currency: string, nullMeans = 'off'): Telling => ({
  name: (field) => (isLimit(field) ? MEANINGS[field].title : titleOf(field)),
  value: (field, value) => (isLimit(field) ? <LimitShown name={field} value={(value ?? null) as LimitValue} currency={currency} nullMeans={nullMeans} /> : undefined),
  effect: effectOfChange,
});
