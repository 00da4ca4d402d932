import { Link } from 'wouter';
import { type ItemOf, useList } from '../../api/queries.js';
import { given, useFilter } from '../../kit/address.js';
import { type Column, DataTable } from '../../kit/data-table.js';
import { Light } from '../../kit/figures.js';
import { FilterChoice, Filters, FilterTime } from '../../kit/filters.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Time } from '../../kit/time.js';
import { DECISIONS } from '../../shared/decisions.js';
import { AccountName, Actor, AgentLink, useAccounts, useAgents } from '../../shared/names.js';
import { verdictOf } from '../../shared/verdict.js';
import { Verify } from './verify.js';

type Decision = ItemOf<'/api/v1/decisions'>;

export const Seal = ({ seal }: { seal: Decision['seal'] }) => (seal === 'intact' ? <Light tone="good">intact</Light> : seal === 'broken' ? <Light tone="danger">was changed afterwards</Light> : seal === 'unread' ? <Light tone="doubt">its archive cannot be read</Light> : <Light tone="doubt">sealed by an unknown key</Light>);

const why = ({ reason, riskCheckResult }: Decision): string => reason ?? verdictOf(riskCheckResult)?.reasons[0]?.message ?? '';

const COLUMNS: readonly Column<Decision>[] = [
  { name: 'Decision', cell: ({ id, type }) => <Link href={`/history/decisions/${id}`}>{DECISIONS[type]}</Link> },
  { name: 'At', cell: ({ at }) => <Time at={at} /> },
  { name: 'By', cell: ({ actor }) => <Actor who={actor} />, wide: true },
  { name: 'Agent', cell: ({ agentId }) => <AgentLink id={agentId} />, wide: true },
  { name: 'Account', cell: ({ accountId }) => <AccountName id={accountId} />, wide: true },
  { name: 'Why', cell: (decision) => why(decision) || <span className="quiet">—</span>, wide: true },
  { name: 'Seal', cell: ({ seal }) => <Seal seal={seal} /> },
];

export function Decisions() {
  const [type] = useFilter('type');
  const [agentId] = useFilter('agentId');
  const [accountId] = useFilter('accountId');
  const [ideaId] = useFilter('ideaId');
  const [from] = useFilter('from');
  const [to] = useFilter('to');
  const agents = useAgents();
  const accounts = useAccounts();
  const { query, rows } = useList('/api/v1/decisions', { query: given({ type, agentId, accountId, ideaId, from, to }) as never });
  return (
    <>
      <Verify accountId={accountId} />
      <Panel title="Decisions">
        <Filters>
          <FilterChoice of="type" name="Kind" choices={Object.entries(DECISIONS).map(([value, name]) => ({ value, name }))} />
          <FilterChoice of="agentId" name="Agent" choices={agents.map(({ id, name }) => ({ value: id, name }))} />
          <FilterChoice of="accountId" name="Account" choices={[...accounts.map(({ id, name }) => ({ value: id, name })), { value: 'system', name: 'of no single account' }]} />
          <FilterTime of="from" name="From" />
          <FilterTime of="to" name="To" />
        </Filters>
        <Fresh query={query}>{() => <DataTable label="Decisions" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} more={query} tone={({ seal }) => (seal === 'broken' ? 'danger' : seal === 'unknown_key' || seal === 'unread' ? 'doubt' : undefined)} empty="No decision fits. Each proposal, approval, refusal and halt is written down here, sealed into a chain for its account." />}</Fresh>
      </Panel>
    </>
  );
}
