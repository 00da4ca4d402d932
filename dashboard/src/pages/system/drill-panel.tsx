import { Figure, Light } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { Age, span } from '../../kit/time.js';
import type { System } from './pool-panel.js';
import css from './system.module.css';

type Drill = NonNullable<System['restoreDrill']>;

/** Whether what is backed up was ever seen to come up again, halted. */
export function DrillPanel({ drill }: { drill: Drill | null }) {
  if (drill === null) return <Panel title="Restore drill"><p className="doubt">▲ Not known while the database is away.</p></Panel>;
  const { ok, lastGoodAt, backupAt, seconds, error, cron } = drill;
  return (
    <Panel title="Restore drill">
      <div className={css.figures}>
        <Figure name="State" note={cron === null ? 'nothing is scheduled here' : `at ${cron} UTC`}>
          {ok === null ? <Light tone="doubt">never tried</Light> : ok ? <Light tone="good">good</Light> : <Light tone="danger">failed</Light>}
        </Figure>
        <Figure name="Last good one">{lastGoodAt === null ? 'never' : <Age at={lastGoodAt} />}</Figure>
        <Figure name="Backup" note="up to when it reaches">{backupAt === null ? '—' : <Age at={backupAt} />}</Figure>
        <Figure name="Took">{seconds === null ? '—' : span(seconds)}</Figure>
      </div>
      {error === null ? null : <p className="danger">The last one failed: {error}</p>}
    </Panel>
  );
}
