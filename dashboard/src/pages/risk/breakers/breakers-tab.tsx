import { useGet } from '../../../api/queries.js';
import { DataTable } from '../../../kit/data-table.js';
import { Light } from '../../../kit/figures.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { BreakerEvents } from './breaker-events.js';
import { type Breaker, BreakerLink, isHolding, StateLight } from './breaker-words.js';
import { StatesTable } from './states-table.js';

/** Which breakers hold something back, and all there are. */
export function BreakersTab() {
  const query = useGet('/api/v1/circuit-breakers');
  return (
    <>
      <Fresh query={query}>
        {({ items }) => (
          <div className="stack">
            <Panel title="In force or near it">
              <StatesTable label="Breakers in force or near it" states={items.flatMap((breaker) => breaker.states.filter(isHolding).map((state) => ({ breaker: breaker.name, state })))} empty="No breaker has tripped, and none is near its limit." />
            </Panel>
            <Panel title="All breakers">
              <DataTable label="All breakers" rows={items as Breaker[]} rowKey={({ name }) => name} empty="There are none."
                tone={({ states }) => (states.some(({ state }) => state === 'tripped' || state === 'cooling_down') ? 'danger' : undefined)}
                columns={[
                  { name: 'Breaker', cell: ({ name }) => <BreakerLink name={name} /> },
                  { name: 'State', cell: (breaker) => <Worst breaker={breaker} /> },
                  { name: 'Measures', wide: true, cell: ({ means }) => <span className="small">{means}</span> },
                  { name: 'For each', wide: true, cell: ({ scope }) => (scope === 'global' ? 'all together' : scope) },
                  { name: 'Imposes', wide: true, cell: ({ haltMode }) => haltMode },
                  { name: 'Ends', wide: true, cell: ({ reset }) => ENDS[reset.rule] },
                ]}
              />
            </Panel>
          </div>
        )}
      </Fresh>
      <BreakerEvents />
    </>
  );
}

const ENDS = { manual: 'by hand', timed: 'by time', next_day: 'at the rollover', staged: 'by time, then a test' } as const;

function Worst({ breaker: { enabled, states } }: { breaker: Breaker }) {
  if (!enabled) return <Light tone="off">off: nothing is held back</Light>;
  const worst = states[0];
  if (!worst) return <Light tone="off">nothing measured yet</Light>;
  const same = states.filter(({ state }) => state === worst.state).length;
  return <><StateLight state={worst.state} />{states.length > 1 ? <span className="small quiet"> {same} of {states.length}</span> : null}</>;
}
