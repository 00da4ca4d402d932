import type { ItemOf } from '../../api/queries.js';
import { useFilter } from '../../kit/address.js';
import type { Moment } from '../../kit/chart/chart-data.js';
import { DataTable } from '../../kit/data-table.js';
import { Time } from '../../kit/time.js';
import css from './trades.module.css';

export type CurveMark = ItemOf<'/api/v1/reports/curve-marks'>;
type Kind = CurveMark['kind'];

/** A sign for each, since colour alone says nothing to some. */
export const KINDS: Record<Kind, Pick<Moment, 'sign' | 'colour' | 'shape'> & { name: string }> = {
  agent_version: { name: 'Version', sign: 'V', colour: 'accent', shape: 'circle' },
  risk_config_changed: { name: 'Limits for everybody', sign: 'L', colour: 'text', shape: 'square' },
  limits_changed: { name: 'Limits', sign: 'L', colour: 'text', shape: 'square' },
  halt_imposed: { name: 'Halt', sign: 'H', colour: 'danger', shape: 'arrowDown' },
  halt_released: { name: 'Halt over', sign: 'h', colour: 'danger', shape: 'arrowUp' },
  breaker_tripped: { name: 'Breaker', sign: 'B', colour: 'doubt', shape: 'arrowDown' },
  breaker_reset: { name: 'Breaker reset', sign: 'b', colour: 'doubt', shape: 'arrowUp' },
  cash_flow: { name: 'Cash', sign: '$', colour: 'quiet', shape: 'circle' },
};

/** The server's line names its subject, but for a version. */
export const labelOf = (kind: Kind, label: string): string => (kind === 'agent_version' ? `version of ${label}` : label);

/** What happened beside the curve, kind by kind to be left out, and all of it in words. */
export function CurveMarks({ items, cut }: { items: readonly CurveMark[]; cut: boolean }) {
  const [hide, setHide] = useFilter('hide');
  const hidden = new Set(hide.split(' ').filter((kind) => kind !== ''));
  const kinds = (Object.keys(KINDS) as Kind[]).filter((kind) => items.some((item) => item.kind === kind));
  const toggle = (kind: Kind) => setHide([...kinds.filter((each) => (each === kind ? !hidden.has(each) : hidden.has(each)))].join(' '));
  if (items.length === 0) return <p className="quiet">Neither versions nor limits, halts, breakers or cash flows changed in this time.</p>;
  return (
    <div className="stack">
      <fieldset className={css.kinds}>
        <legend className="small quiet">Marked on the curve</legend>
        {kinds.map((kind) => (
          <label key={kind} className="nowrap"><input type="checkbox" checked={!hidden.has(kind)} onChange={() => toggle(kind)} /> <b>{KINDS[kind].sign}</b> {KINDS[kind].name} <span className="quiet">{items.filter((item) => item.kind === kind).length}</span></label>
        ))}
      </fieldset>
      {cut ? <p className="doubt">▲ These are the newest {items.length}; choose an earlier end to see those before.</p> : null}
      <DataTable label="What happened beside the curve" rows={items.filter(({ kind }) => !hidden.has(kind)).map((item, n) => ({ ...item, n })).reverse()} rowKey={({ n }) => String(n)} empty="All kinds are left out." columns={[
        { name: 'When', cell: ({ at }) => <Time at={at} /> },
        { name: 'What', cell: ({ kind, label }) => <><b aria-hidden="true">{KINDS[kind].sign}</b> {labelOf(kind, label)}</> },
      ]} />
    </div>
  );
}
