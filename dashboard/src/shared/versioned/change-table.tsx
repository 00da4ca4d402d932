import type { ReactNode } from 'react';
import { type Column, DataTable } from '../../kit/data-table.js';
import { titleOf } from '../../kit/schema.js';
import type { Change } from './differences.js';
import css from './versioned.module.css';

export type Effect = 'tighter' | 'looser' | null;

/** How the fields of one kind of thing are told. */
export interface Telling {
  name?: (field: string) => string;
  value?: (field: string, value: unknown) => ReactNode;
  /** What a change does to what is let through; null where it is neither. */
  effect?: (change: Change) => Effect;
}

export function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <span className="quiet">none</span>;
  if (typeof value === 'boolean') return <>{value ? 'yes' : 'no'}</>;
  if (typeof value === 'object') return <code className={css.value}>{JSON.stringify(value, null, 1)}</code>;
  return <span className={css.value}>{String(value)}</span>;
}

export const nameOf = (telling: Telling, field: string): string => telling.name?.(field) ?? titleOf(field);
export const valueOf = (telling: Telling, field: string, value: unknown): ReactNode => telling.value?.(field, value) ?? <Value value={value} />;

export const EffectMark = ({ effect }: { effect: Effect }) =>
  effect === null ? <span className="quiet">—</span> : <span className={css[effect]}>{effect === 'looser' ? '▲ looser: lets more through' : '▼ tighter'}</span>;

/** Old and new, field by field. */
export function ChangeTable({ label, changes, telling, empty }: { label: string; changes: readonly Change[]; telling: Telling; empty: ReactNode }) {
  const columns: Column<Change>[] = [
    { name: 'What', cell: ({ field }) => nameOf(telling, field) },
    { name: 'Old', cell: ({ field, before }) => valueOf(telling, field, before) },
    { name: 'New', cell: ({ field, after }) => valueOf(telling, field, after) },
    ...(telling.effect ? [{ name: 'Effect', cell: (change: Change) => <EffectMark effect={telling.effect?.(change) ?? null} /> }] : []),
  ];
  return <DataTable label={label} columns={columns} rows={changes} rowKey={({ field }) => field} empty={empty} tone={(change) => (telling.effect?.(change) === 'looser' ? 'doubt' : undefined)} />;
}
