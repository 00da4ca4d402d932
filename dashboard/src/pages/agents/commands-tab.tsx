import { Link } from 'wouter';
import { useList } from '../../api/queries.js';
import { given, useFilter } from '../../kit/address.js';
import { type Column, DataTable } from '../../kit/data-table.js';
import { Field } from '../../kit/field.js';
import { Light } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Age } from '../../kit/time.js';
import { Actor } from '../../shared/names.js';
import { type CommandRow, STATUS_TONES, STATUS_WORDS, STATUSES } from '../../shared/agents/command-words.js';
import { useCommandTypes } from './command-types.js';

const columns: readonly Column<CommandRow>[] = [
  { name: 'Command', cell: ({ id, agentId, type }) => <Link href={`/agents/${agentId}/commands/${id}`}>{type}</Link> },
  { name: 'Status', cell: ({ status, cancelRequested }) => <><Light tone={STATUS_TONES[status]}>{STATUS_WORDS[status]}</Light>{cancelRequested && status === 'leased' ? <div className="small doubt">▲ asked to give it up</div> : null}</> },
  { name: 'Queued', cell: ({ createdAt }) => <Age at={createdAt} /> },
  { name: 'Class', cell: ({ class: kind }) => kind, wide: true },
  { name: 'Priority', cell: ({ priority }) => priority, wide: true },
  { name: 'Attempts', number: true, wide: true, cell: ({ attempt, failures }) => (failures > 0 ? `${attempt}, ${failures} failed` : attempt) },
  { name: 'By', wide: true, cell: ({ createdBy }) => <Actor who={createdBy} /> },
  { name: 'Ended', wide: true, cell: ({ finishedAt }) => <Age at={finishedAt} never="not yet" /> },
];

/** The queue and what became of it, the newest first. */
export function CommandsTab({ agentId }: { agentId: string }) {
  const [status, setStatus] = useFilter('status');
  const [type, setType] = useFilter('type');
  const types = useCommandTypes();
  const { query, rows } = useList('/api/v1/commands', { query: { agentId, ...given({ status, type }) } as never });
  return (
    <Panel title="Commands" actions={(
      <>
        <Field name="Status"><select value={status} onChange={({ target }) => setStatus(target.value)}><option value="">all</option>{STATUSES.map((each) => <option key={each} value={each}>{STATUS_WORDS[each]}</option>)}</select></Field>
        <Field name="Type"><select value={type} onChange={({ target }) => setType(target.value)}><option value="">all</option>{types.data?.items.map((each) => <option key={each.type}>{each.type}</option>)}</select></Field>
      </>
    )}>
      <Fresh query={query}>
        {() => <DataTable label="Commands" columns={columns} rows={rows} rowKey={({ id }) => id} more={query} empty={status === '' && type === '' ? 'No command was ever sent to this agent.' : 'No command is like that. Choose other filters.'} tone={(row) => (row.status === 'unknown' ? 'danger' : undefined)} />}
      </Fresh>
    </Panel>
  );
}
