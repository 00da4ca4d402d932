import { Link } from 'wouter';
import { Fresh, Panel } from '../../kit/panel.js';
import { type Overview, OVERVIEW_MS, useOverview } from '../../shared/overview.js';
import { AgentsTable } from './agents-table.js';
import { InForce } from './in-force.js';
import css from './overview.module.css';
import { PositionsTable } from './positions-table.js';
import { RoomToLose } from './room-to-lose.js';
import { Waiting } from './waiting.js';

/** Is my money safe? From top to bottom: room to lose, what is in force, agents, positions, what waits for a person. */
export default function OverviewPage() {
  const query = useOverview();
  return (
    <>
      <h1 className="unseen">Overview</h1>
      <Fresh query={query} every={OVERVIEW_MS}>{(data) => <Parts data={data} />}</Fresh>
    </>
  );
}

function Parts({ data }: { data: Overview }) {
  const isEmpty = data.agentsTotal === 0;
  return (
    <div className={css.parts}>
      {isEmpty ? <Panel title="Nothing trades here yet"><p>There is no agent. <Link href="/start">Set up the first one</Link>: account, instruments, limits, agent, paper trade.</p></Panel> : null}
      {isEmpty && data.accounts.length === 0 ? null : <RoomToLose books={data.accounts} />}
      <InForce halts={data.halts} haltsTotal={data.haltsTotal} breakers={data.breakers} />
      {isEmpty ? null : <AgentsTable agents={data.agents} total={data.agentsTotal} queue={data.queue} />}
      {isEmpty && data.openPositions.length === 0 && data.problems.length === 0 ? null : <PositionsTable data={data} />}
      <Waiting data={data} />
    </div>
  );
}
