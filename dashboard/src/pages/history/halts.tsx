import { Link } from 'wouter';
import { type ItemOf, useList } from '../../api/queries.js';
import { given, useFilter } from '../../kit/address.js';
import { type Column, DataTable } from '../../kit/data-table.js';
import { Light } from '../../kit/figures.js';
import { FilterChoice, Filters } from '../../kit/filters.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Time } from '../../kit/time.js';
import { Actor } from '../../shared/names.js';

type Halt = ItemOf<'/api/v1/kill-switch'>;

const scopeInWords = ({ scope: { type, id, name }, executionMode }: Pick<Halt, 'scope' | 'executionMode'>): string => `${type === 'global' ? 'everything' : `${type} ${name ?? id}`}${executionMode ? `, ${executionMode}` : ''}`;

const COLUMNS: readonly Column<Halt>[] = [
  { name: 'Halt', cell: (halt) => <Link href={`/why/${halt.id}`}>{halt.mode} {scopeInWords(halt)}</Link> },
  { name: 'Is', cell: ({ inForce, releaseRequested }) => (inForce ? <Light tone="danger">in force{releaseRequested ? ', release asked for' : ''}</Light> : <Light tone="off">ended</Light>) },
  { name: 'Why', cell: ({ reason, breaker }) => <>{reason}{breaker ? <> · <Link href={`/risk/breakers/${breaker}`}>{breaker.replaceAll('_', ' ')}</Link></> : null}</> },
  { name: 'Imposed', cell: ({ imposedAt, by }) => <><Time at={imposedAt} /> <span className="small quiet">by <Actor who={by} /></span></>, wide: true },
  { name: 'Released nothing since', cell: ({ effectiveAt }) => <Time at={effectiveAt} />, wide: true },
  { name: 'Observed', cell: ({ agents, inForce }) => (inForce && agents ? `${agents.observed} of ${agents.inScope}` : <span className="quiet">—</span>), number: true, wide: true },
  { name: 'Ended', cell: ({ released }) => (released ? <><Time at={released.at} /> <span className="small quiet">by <Actor who={released.by} />{released.reason ? `: ${released.reason}` : ''}</span></> : <span className="quiet">—</span>), wide: true },
];

export function Halts() {
  const [active] = useFilter('active');
  const { query, rows } = useList('/api/v1/kill-switch', { query: given({ active }) as never });
  return (
    <Panel title="Halts, in force and past">
      <Filters><FilterChoice of="active" name="Shown" choices={[{ value: 'true', name: 'in force' }, { value: 'false', name: 'ended' }]} /></Filters>
      <Fresh query={query}>{() => <DataTable label="Halts" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} more={query} tone={({ inForce }) => (inForce ? 'danger' : undefined)} empty="No halt fits. Stop, on top of every page, makes one." />}</Fresh>
    </Panel>
  );
}
