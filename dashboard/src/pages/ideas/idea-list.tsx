import { Link } from 'wouter';
import { useList } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { given, useFilter } from '../../kit/address.js';
import { type Column, DataTable } from '../../kit/data-table.js';
import { Amount, Code, Light, Mode } from '../../kit/figures.js';
import { FilterChoice, Filters, FilterText } from '../../kit/filters.js';
import { Empty, Fresh, Panel } from '../../kit/panel.js';
import { Age } from '../../kit/time.js';
import { AccountName, AgentLink, useAgents } from '../../shared/names.js';
import { Band, PriceNow } from './price-now.js';
import { Remaining } from './remaining.js';
import { endsAt, type Idea, inWords, STATUS } from './words.js';

const title = (idea: Idea) => <Link href={`/ideas/${idea.id}`}>{inWords(idea)}</Link>;

const PENDING: readonly Column<Idea>[] = [
  { name: 'Idea', cell: (idea) => <>{title(idea)} <Mode mode={idea.executionMode} /></> },
  { name: 'Left', cell: (idea) => <Remaining until={endsAt(idea)} /> },
  { name: 'It', cell: ({ status }) => <Light tone={STATUS[status].tone}>{STATUS[status].word}</Light>, wide: true },
  { name: 'Price now', cell: (idea) => <PriceNow idea={idea} band={idea.priceBand ?? idea.entryRange} /> },
  { name: 'Counts from … to', cell: ({ priceBand, entryRange }) => <Band band={priceBand ?? entryRange} />, wide: true },
  { name: 'Account', cell: ({ accountId }) => <AccountName id={accountId} />, wide: true },
  { name: 'Agent', cell: ({ executorAgentId }) => <AgentLink id={executorAgentId} />, wide: true },
];

const ALL: readonly Column<Idea>[] = [
  { name: 'Idea', cell: (idea) => <>{title(idea)} <Mode mode={idea.executionMode} /></> },
  { name: 'Status', cell: ({ status }) => <Light tone={STATUS[status].tone}>{STATUS[status].word}</Light> },
  { name: 'Why', cell: ({ reasons, endedReason }) => (reasons[0] ? <>{reasons[0].message} <Code>{reasons[0].code}</Code></> : (endedReason ?? <span className="quiet">—</span>)), wide: true },
  { name: 'Confidence', cell: ({ confidence }) => <Amount value={confidence} why="none was given" />, number: true, wide: true },
  { name: 'Account', cell: ({ accountId }) => <AccountName id={accountId} />, wide: true },
  { name: 'Agent', cell: ({ executorAgentId }) => <AgentLink id={executorAgentId} />, wide: true },
  { name: 'Proposed', cell: ({ createdAt }) => <Age at={createdAt} /> },
];

/** What waits for a person first, then what waits for its price, then all that the filters leave. */
export function IdeaList() {
  const mayOperate = useMay('operator');
  const [status] = useFilter('status');
  const [symbol] = useFilter('symbol');
  const [agentId] = useFilter('agentId');
  const [strategyId] = useFilter('strategyId');
  const agents = useAgents();
  const filter = { symbol, agentId, strategyId };
  const asked = useList('/api/v1/trade-ideas', { query: { ...given(filter), status: 'needs_approval' } });
  const waiting = useList('/api/v1/trade-ideas', { query: { ...given(filter), status: 'waiting' } });
  const all = useList('/api/v1/trade-ideas', { query: { ...given({ ...filter, status }) } as never });
  const pending = [...asked.rows, ...waiting.rows];
  return (
    <>
      <div className="row between">
        <h1>Ideas</h1>
        {mayOperate ? <Link className="button" href="/ideas/new">Propose a trade</Link> : null}
      </div>
      <Panel title="Waiting for a person, or for their price">
        <Fresh query={asked.query}>{() => <Fresh query={waiting.query}>{() => <DataTable label="Ideas that wait" columns={PENDING} rows={pending} rowKey={({ id }) => id} more={asked.query.hasNextPage ? asked.query : waiting.query} tone={(idea) => (idea.status === 'needs_approval' ? 'doubt' : undefined)} empty="Nothing waits. An idea that needs a person has 120 s here, counted down." />}</Fresh>}</Fresh>
      </Panel>
      <Panel title="All ideas">
        <Filters>
          <FilterChoice of="status" name="Status" choices={Object.entries(STATUS).map(([value, { word }]) => ({ value, name: word }))} />
          <FilterText of="symbol" name="Symbol" upper />
          <FilterChoice of="agentId" name="Agent" choices={agents.map(({ id, name, account }) => ({ value: id, name: `${name} · ${account}` }))} />
        </Filters>
        <Fresh query={all.query}>{() => (all.rows.length === 0 && !status && !symbol && !agentId ? <Empty>There is no idea yet. Agents propose by <code>POST /trade-ideas</code>, alerts by a source whose action is <code>idea</code>, people by “Propose a trade”.</Empty>
          : <DataTable label="Ideas" columns={ALL} rows={all.rows} rowKey={({ id }) => id} more={all.query} empty="No idea fits these filters." />)}</Fresh>
      </Panel>
    </>
  );
}
