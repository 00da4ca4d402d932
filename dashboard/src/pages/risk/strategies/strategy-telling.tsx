import { titleOf } from '../../../kit/schema.js';
import type { Telling } from '../../../shared/versioned/change-table.js';
import type { LimitValue } from '../limits/limit-meanings.js';
import { MEANINGS } from '../limits/limit-meanings.js';
import { LimitShown } from '../limits/limit-telling.js';
import { effectOfChange, isLimit } from '../limits/looseness.js';

/** Told one by one; everything else of a strategy is one field. */
export const GROUPS = ['riskCaps', 'exitRules'] as const;

const capOf = (field: string): string | null => (field.startsWith('riskCaps.') ? field.slice('riskCaps.'.length) : null);

interface Window {
  days: string[];
  from: string;
  to: string;
  zone: string;
}

const listOf = (lines: readonly string[]) => <ul>{lines.map((line) => <li key={line}>{line}</li>)}</ul>;

function told(field: string, value: unknown) {
  if (field === 'allowedSymbols') return Array.isArray(value) ? <>{value.join(', ')}</> : <span className="doubt">any symbol</span>;
  if (field === 'sessionWindows') return Array.isArray(value) ? listOf((value as Window[]).map(({ days, from, to, zone }) => `${(days ?? []).join(' ')} ${from ?? '?'}–${to ?? '?'} ${zone ?? 'UTC'}`)) : <span className="doubt">at any time</span>;
  return undefined;
}

export const strategyTelling = (currency: string): Telling => ({
  name: (field) => {
    const cap = capOf(field);
    return cap !== null && isLimit(cap) ? `Cap: ${MEANINGS[cap].title.toLowerCase()}` : field.startsWith('exitRules.') ? `Exit: ${titleOf(field).toLowerCase()}` : titleOf(field);
  },
  value: (field, value) => {
    const cap = capOf(field);
    return cap !== null && isLimit(cap) ? <LimitShown name={cap} value={(value ?? null) as LimitValue} currency={currency} nullMeans="no cap" /> : told(field, value);
  },
  effect: ({ field, before, after }) => {
    const cap = capOf(field);
    if (cap !== null) return effectOfChange({ field: cap, before, after });
    if (field === 'isActive') return after === true ? 'looser' : 'tighter';
    if (field === 'allowedSymbols') return widerThan((before ?? null) as string[] | null, (after ?? null) as string[] | null);
    if (field === 'sessionWindows' && (before == null || after == null)) return after == null ? 'looser' : 'tighter';
    return null;
  },
});

const widerThan = (before: string[] | null, after: string[] | null): 'looser' | 'tighter' =>
  (after === null || (before !== null && after.some((symbol) => !before.includes(symbol))) ? 'looser' : 'tighter');
