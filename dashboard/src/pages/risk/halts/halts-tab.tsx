import { Link } from 'wouter';
import { type ItemOf, useList } from '../../../api/queries.js';
import { type Column, DataTable } from '../../../kit/data-table.js';
import { Light } from '../../../kit/figures.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { Time } from '../../../kit/time.js';
import { Actor } from '../../../shared/names.js';

export type Halt = ItemOf<'/api/v1/kill-switch'>;

export const MEANS: Record<Halt['mode'], string> = { reduce: 'nothing opens; exits are managed', halt: 'nothing opens, and the strategy stops deciding', flatten: 'everything in scope is closed' };

export const scopeWords = ({ scope, executionMode }: Pick<Halt, 'scope' | 'executionMode'>): string =>
  `${scope.type === 'global' ? 'everything' : `${scope.type} ${scope.name ?? scope.id ?? ''}`}${executionMode ? ` in ${executionMode === 'live' ? 'LIVE' : executionMode}` : ''}`;

/** In force and past. Imposing one is Stop's, in the strip on every page. */
export function HaltsTab() {
  const active = useList('/api/v1/kill-switch', { query: { active: 'true' } });
  const past = useList('/api/v1/kill-switch', { query: { active: 'false' } });
  const columns: Column<Halt>[] = [
    { name: 'Scope', cell: (halt) => <Link href={`/risk/halts/${halt.id}`}>{scopeWords(halt)}</Link> },
    { name: 'Mode', cell: ({ mode }) => mode },
    { name: 'Why', cell: ({ reason, breaker }) => <>{breaker ? <><Link href={`/risk/breakers/${breaker}`}>breaker</Link>: </> : null}{reason}</> },
    { name: 'Since', cell: ({ imposedAt, by }) => <><Time at={imposedAt} /><div className="small quiet">by <Actor who={by} /></div></> },
  ];
  return (
    <>
      <Panel title="In force">
        <Fresh query={active.query}>{() => (
          <DataTable label="Halts in force" rows={active.rows} rowKey={({ id }) => id} more={active.query} tone={() => 'danger'} empty="Nothing is halted. Stop, in the strip on every page, halts everything or a part of it."
            columns={[...columns, { name: 'Observed', number: true, cell: ({ agents }) => (agents ? `${agents.observed} of ${agents.inScope}` : '—') }, { name: 'Ends', wide: true, cell: ({ expiresAt, breaker, source }) => (expiresAt ? <Time at={expiresAt} /> : source === 'retirement' ? 'with "tradewarden unretire"' : breaker ? 'when its breaker is reset' : 'when it is released') }]} />
        )}</Fresh>
      </Panel>
      <Panel title="Past">
        <Fresh query={past.query}>{() => (
          <DataTable label="Past halts" rows={past.rows} rowKey={({ id }) => id} more={past.query} empty="Nothing was ever halted."
            columns={[...columns, { name: 'Over', wide: true, cell: ({ released, expiresAt }) => (released ? <><Time at={released.at} /><div className="small quiet">by <Actor who={released.by} />: {released.reason}</div></> : <Time at={expiresAt} />) }]} />
        )}</Fresh>
      </Panel>
    </>
  );
}

export const HaltLight = ({ halt }: { halt: Halt }) => (halt.inForce ? <Light tone="danger">in force</Light> : <Light tone="off">over</Light>);
