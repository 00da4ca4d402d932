import { useState } from 'react';
import { DataTable } from '../data-table.js';
import { written } from '../decimal.js';
import { Time } from '../time.js';
import css from './chart.module.css';
import type { ChartData, Moment } from './chart-data.js';

/** The same figures for those who do not see the canvas, made only when they are wanted. */
export function ChartTables({ data, label, unit }: { data: ChartData; label: string; unit: string | undefined }) {
  const [isOpen, setOpen] = useState(false);
  const { candles = [], lines = [], moments = [], levels = [] } = data;
  const withUnit = (name: string) => (unit ? `${name}, ${unit}` : name);
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary className="small quiet">The chart as a table</summary>
      {isOpen ? (
        <div className={`stack ${css.tables}`}>
          {levels.length > 0 ? <p>{levels.map(({ name, price }) => `${name} ${written(price)}`).join(' · ')}</p> : null}
          {moments.length > 0 ? <Moments moments={moments} /> : null}
          {candles.length > 0 ? (
            <DataTable label={label} rows={candles} rowKey={({ at }) => at} empty="Nothing." columns={[
              { name: 'Opened', cell: ({ at }) => <Time at={at} /> },
              ...(['open', 'high', 'low', 'close'] as const).map((name) => ({ name: withUnit(name), number: true, cell: (row: (typeof candles)[number]) => written(row[name]) })),
            ]} />
          ) : null}
          {lines.map(({ name, points }) => (
            <DataTable key={name} label={name} rows={points.map((point, n) => ({ ...point, n }))} rowKey={({ n }) => String(n)} empty="Nothing." columns={[
              { name: 'Time', cell: ({ at }) => <Time at={at} /> },
              { name: withUnit(name), number: true, cell: ({ value }) => (value === null ? '—' : written(value)) },
            ]} />
          ))}
        </div>
      ) : null}
    </details>
  );
}

function Moments({ moments }: { moments: readonly Moment[] }) {
  const rows = moments.map((moment, n) => ({ ...moment, n })).sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return (
    <DataTable label="What is marked" rows={rows} rowKey={({ n }) => String(n)} empty="Nothing." columns={[
      { name: 'Time', cell: ({ at }) => <Time at={at} /> },
      { name: 'What', cell: ({ text }) => text },
      { name: 'Price', number: true, cell: ({ price }) => (price == null ? '' : written(price)) },
    ]} />
  );
}
