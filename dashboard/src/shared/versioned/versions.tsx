import type { UseInfiniteQueryResult } from '@tanstack/react-query';
import type { ApiError } from '../../api/problem.js';
import { useFilter } from '../../kit/address.js';
import { DataTable } from '../../kit/data-table.js';
import { Field } from '../../kit/field.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Time } from '../../kit/time.js';
import { Actor } from '../names.js';
import { ChangeTable, EffectMark, nameOf, type Telling } from './change-table.js';
import { changesBetween, type Fields } from './differences.js';

export interface Version {
  version: number;
  content: Fields;
  /** Names of fields, or changes. */
  changed: readonly (string | { field: string })[];
  reason: string | null;
  actor: string;
  recordedAt: string;
  effect?: 'none' | 'tighter' | 'looser';
}

type ListQuery = Pick<UseInfiniteQueryResult<unknown, ApiError>, 'data' | 'error' | 'dataUpdatedAt' | 'isPending' | 'isFetching' | 'hasNextPage' | 'isFetchingNextPage' | 'fetchNextPage'> & { isPlaceholderData: boolean };

/** Every version, newest first, and what differs between any two of them. */
export function Versions({ title = 'Versions', list, telling }: { title?: string; list: { query: ListQuery; rows: readonly Version[] }; telling: Telling }) {
  const { query, rows } = list;
  return (
    <Panel title={title}>
      <Fresh query={query}>
        {() => (
          <div className="stack">
            {rows.length > 1 ? <Compare rows={rows} telling={telling} /> : null}
            <DataTable
              label={title} rows={rows} rowKey={({ version }) => String(version)} more={query} empty="Nothing was ever set."
              columns={[
                { name: 'Version', number: true, cell: ({ version }) => version },
                { name: 'When', cell: ({ recordedAt }) => <Time at={recordedAt} /> },
                { name: 'Who', cell: ({ actor }) => <Actor who={actor} /> },
                { name: 'Changed', wide: true, cell: ({ changed }) => changed.map((each) => nameOf(telling, typeof each === 'string' ? each : each.field)).join(', ') || '—' },
                ...(rows.some(({ effect }) => effect !== undefined) ? [{ name: 'Effect', cell: ({ effect }: Version) => <EffectMark effect={effect === 'tighter' || effect === 'looser' ? effect : null} /> }] : []),
                { name: 'Reason', wide: true, cell: ({ reason }) => reason ?? <span className="quiet">none given</span> },
              ]}
            />
          </div>
        )}
      </Fresh>
    </Panel>
  );
}

function Compare({ rows, telling }: { rows: readonly Version[]; telling: Telling }) {
  const [from, setFrom] = useFilter('from', String(rows[1]?.version ?? ''));
  const [to, setTo] = useFilter('to', String(rows[0]?.version ?? ''));
  const [before, after] = [rows.find(({ version }) => String(version) === from), rows.find(({ version }) => String(version) === to)];
  const options = rows.map(({ version }) => <option key={version} value={version}>{version}</option>);
  return (
    <div className="stack">
      <div className="row">
        <Field name="From version"><select value={from} onChange={({ target }) => setFrom(target.value)}>{options}</select></Field>
        <Field name="To version"><select value={to} onChange={({ target }) => setTo(target.value)}>{options}</select></Field>
      </div>
      {before && after ? <ChangeTable label={`From version ${from} to ${to}`} changes={changesBetween(before.content, after.content)} telling={telling} empty="These two say the same." /> : <p className="quiet">One of the two is further back: show more versions below.</p>}
    </div>
  );
}
