import { Link } from 'wouter';
import { useGet, useList } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import { Light } from '../../../kit/figures.js';
import { Fresh, Panel } from '../../../kit/panel.js';
import { Time } from '../../../kit/time.js';
import { Actor } from '../../../shared/names.js';
import { Versions } from '../../../shared/versioned/versions.js';
import { flat } from '../../../shared/versioned/differences.js';
import { BreakerEvents } from './breaker-events.js';
import { BreakerSettings, breakerTelling, GROUPS } from './breaker-settings.js';
import { titleOfBreaker } from './breaker-words.js';
import { ResetPanel } from './reset-panel.js';
import { SettingsShown } from './settings-shown.js';
import { StatesTable } from './states-table.js';
import { TripPanel } from './trip-panel.js';

/** One breaker: where it stands, tripping and resetting it, its settings and what they were. */
export function BreakerPage({ name }: { name: string }) {
  const query = useGet('/api/v1/circuit-breakers/{name}', { path: { name } });
  const versions = useList('/api/v1/circuit-breakers/{name}/versions', { path: { name } });
  const [mayTrip, mayChange] = [useMay('operator'), useMay('admin')];
  return (
    <>
      <p><Link href="/risk/breakers">← Breakers</Link></p>
      <Fresh query={query}>
        {(breaker) => (
          <div className="stack">
            <Panel title={titleOfBreaker(breaker.name)} actions={breaker.enabled ? <Light tone="good">on</Light> : <Light tone="doubt">off: nothing is held back by it</Light>}>
              <p>{breaker.means} It trips {breaker.trips === 'atLeast' ? 'at its limit and above' : 'below its limit'}.</p>
              <StatesTable label="Where it stands" states={breaker.states.map((state) => ({ state, trips: breaker.trips }))} empty="Nothing was measured yet." />
              {breaker.statesLeftOut > 0 ? <p className="doubt">▲ {breaker.statesLeftOut} more are not shown.</p> : null}
            </Panel>
            {mayTrip || mayChange ? (
              <div className="grid2">
                {mayTrip ? <TripPanel breaker={breaker} /> : null}
                {mayChange ? <ResetPanel breaker={breaker} /> : null}
              </div>
            ) : null}
            <Panel title="Settings" actions={<span className="quiet small">Version {breaker.version}, <Time at={breaker.updatedAt} /> by <Actor who={breaker.updatedBy} /></span>}>
              {mayChange ? <BreakerSettings breaker={breaker} /> : <SettingsShown breaker={breaker} />}
            </Panel>
          </div>
        )}
      </Fresh>
      <Versions title="Versions of its settings" telling={breakerTelling} list={{ query: versions.query, rows: versions.rows.map((row) => ({ ...row, content: flat(row.content, GROUPS) })) }} />
      <BreakerEvents type={name} />
    </>
  );
}
