import { Link } from 'wouter';
import { type ItemOf, useList } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { given, useFilter } from '../../kit/address.js';
import { type Column, DataTable } from '../../kit/data-table.js';
import { Field } from '../../kit/field.js';
import { Mode, Money, Unknown } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Age } from '../../kit/time.js';
import { CanTrade, Liveness, Wanted } from '../../shared/agents/agent-lights.js';
import css from '../../shared/agents/agents.module.css';

type Row = ItemOf<'/api/v1/agents'>;

const Alive = ({ agent }: { agent: Row }) => <><Liveness agent={agent} /><div className="small quiet"><Age at={agent.state.lastSeenAt} never="" /></div></>;

const columns: readonly Column<Row>[] = [
  { name: 'Agent', cell: ({ id, name, mode, account }) => <><Link href={`/agents/${id}`}>{name}</Link> <Mode mode={mode} /><div className="small quiet">{account}</div></> },
  { name: 'Alive', wide: true, cell: (agent) => <Alive agent={agent} /> },
  { name: 'Can trade', cell: (agent) => <><div className={css.narrow}><Alive agent={agent} /></div><CanTrade agent={agent} brief /></> },
  { name: 'Says', cell: ({ state }) => (state.lastSeenAt === null ? <Unknown why="it was never heard" /> : state.status), wide: true },
  { name: 'Wanted', cell: (agent) => <Wanted agent={agent} />, wide: true },
  { name: 'Equity as told', number: true, wide: true, cell: ({ state }) => <><Money value={state.equity} currency={state.currency ?? undefined} why="it told none" /><div className="small quiet">{state.equity === null ? null : <Age at={state.asOf} />}</div></> },
  { name: 'Positions', number: true, wide: true, cell: ({ state }) => state.openPositions ?? <Unknown why="it told none" /> },
  { name: 'Version', wide: true, cell: ({ state }) => state.agentVersion ?? <Unknown why="it told none" /> },
];

export function AgentsList() {
  const mayCreate = useMay('admin');
  const [mode, setMode] = useFilter('mode');
  const [account, setAccount] = useFilter('account');
  const [retired, setRetired] = useFilter('retired', 'false');
  const accounts = useList('/api/v1/accounts', { query: { limit: 200 } });
  const { query, rows } = useList('/api/v1/agents', { query: { ...given({ mode, retired: retired === 'all' ? '' : retired }), limit: 200 } as never });
  const shown = account === '' ? rows : rows.filter((row) => row.account === account);
  return (
    <div className="stack">
      <div className="row between">
        <h1>Agents</h1>
        {mayCreate ? <Link href="/agents/new" className="button">New agent</Link> : null}
      </div>
      <Panel title="All agents" actions={(
        <>
          <Field name="Mode"><select value={mode} onChange={({ target }) => setMode(target.value)}><option value="">all</option><option>simulation</option><option>paper</option><option>live</option></select></Field>
          <Field name="Account"><select value={account} onChange={({ target }) => setAccount(target.value)}><option value="">all</option>{accounts.rows.map(({ id, name }) => <option key={id}>{name}</option>)}</select></Field>
          <Field name="Retired"><select value={retired} onChange={({ target }) => setRetired(target.value)}><option value="false">not</option><option value="true">retired</option><option value="all">both</option></select></Field>
        </>
      )}>
        <Fresh query={query}>
          {() => <DataTable label="Agents" columns={columns} rows={shown} rowKey={({ id }) => id} more={query} empty={<NoAgents isFiltered={mode !== '' || account !== '' || retired !== 'false'} />} />}
        </Fresh>
      </Panel>
    </div>
  );
}

const NoAgents = ({ isFiltered }: { isFiltered: boolean }) => (isFiltered ? <>No agent is like that. Choose other filters.</> : <>There is no agent yet. <Link href="/start">The first steps</Link> lead from an account to a trade on paper.</>);
