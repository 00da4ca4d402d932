import { Link } from 'wouter';
import { useGet, useList } from '../../../api/queries.js';
import { useFilter } from '../../../kit/address.js';
import { DataTable } from '../../../kit/data-table.js';
import { Field } from '../../../kit/field.js';
import { Mode } from '../../../kit/figures.js';
import { Empty, Fresh, Panel } from '../../../kit/panel.js';
import { AccountName } from '../../../shared/names.js';
import { Effective } from './effective.js';

/** Who can be held tighter than everybody, and what holds for whom in the end. */
export function NarrowerLimits() {
  const accounts = useList('/api/v1/accounts', { query: { limit: 100 } });
  const agents = useList('/api/v1/agents', { query: { limit: 100 } });
  const strategies = useList('/api/v1/strategies', { query: { limit: 100, retired: 'false' } });
  return (
    <>
      <EffectiveFor agents={agents.rows} strategies={strategies.rows} />
      <div className="grid2">
        <Panel title="Accounts"><Fresh query={accounts.query}>{() => (
          <DataTable label="Accounts" rows={accounts.rows} rowKey={({ id }) => id} more={accounts.query} empty={<>There is no account yet: <Link href="/settings/accounts">add one</Link>.</>} columns={[
            { name: 'Account', cell: ({ id, name }) => <Link href={`/risk/limits/account/${id}`}>{name}</Link> }, { name: 'Kind', cell: ({ kind }) => kind }, { name: 'Currency', cell: ({ currency }) => currency },
          ]} />
        )}</Fresh></Panel>
        <Panel title="Agents"><Fresh query={agents.query}>{() => (
          <DataTable label="Agents" rows={agents.rows} rowKey={({ id }) => id} more={agents.query} empty={<>There is no agent yet: <Link href="/agents">add one</Link>.</>} columns={[
            { name: 'Agent', cell: ({ id, name }) => <Link href={`/risk/limits/agent/${id}`}>{name}</Link> }, { name: 'Mode', cell: ({ mode }) => <Mode mode={mode} /> }, { name: 'Account', wide: true, cell: ({ accountId }) => <AccountName id={accountId} /> },
          ]} />
        )}</Fresh></Panel>
        <Panel title="Strategies"><Fresh query={strategies.query}>{() => (
          <DataTable label="Strategies" rows={strategies.rows} rowKey={({ id }) => id} more={strategies.query} empty={<>There is no strategy yet: <Link href="/risk/strategies">add one</Link>.</>} columns={[
            { name: 'Strategy', cell: ({ id, name }) => <Link href={`/risk/limits/strategy/${id}`}>{name}</Link> }, { name: 'Active', cell: ({ isActive }) => (isActive ? 'yes' : 'no') },
          ]} />
        )}</Fresh></Panel>
      </div>
    </>
  );
}

interface Named {
  id: string;
  name: string;
}

function EffectiveFor({ agents, strategies }: { agents: readonly Named[]; strategies: readonly Named[] }) {
  const [agentId, setAgent] = useFilter('agent');
  const [strategyId, setStrategy] = useFilter('strategy');
  const isAsked = agentId !== '' || strategyId !== '';
  const query = useGet('/api/v1/limits/effective', { query: { ...(agentId && { agentId }), ...(strategyId && { strategyId }) } }, { enabled: isAsked });
  const options = (list: readonly Named[]) => list.map(({ id, name }) => <option key={id} value={id}>{name}</option>);
  return (
    <Panel title="What holds in the end">
      <div className="row">
        <Field name="Agent"><select value={agentId} onChange={({ target }) => setAgent(target.value)}><option value="">—</option>{options(agents)}</select></Field>
        <Field name="Strategy"><select value={strategyId} onChange={({ target }) => setStrategy(target.value)}><option value="">—</option>{options(strategies)}</select></Field>
      </div>
      {isAsked ? <Fresh query={query}>{(effective) => <Effective effective={effective} />}</Fresh> : <Empty>Choose an agent, a strategy or both: of each limit the tightest is shown, and where it stands.</Empty>}
    </Panel>
  );
}
