import { Figure, Light } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { Age, span } from '../../kit/time.js';
import type { System } from './pool-panel.js';
import css from './system.module.css';

type Backup = NonNullable<System['backup']>;

/** What could be got back today, and whether it would survive this machine. */
export function BackupPanel({ backup }: { backup: Backup | null }) {
  if (backup === null) return <Panel title="Backup"><p className="doubt">▲ Not known while the database is away.</p></Panel>;
  const { overdue, verifiedAt, offsiteAt, bytes, seconds, kind, error, offsiteError, runningSince, cron } = backup;
  return (
    <Panel title="Backup">
      <div className={css.figures}>
        <Figure name="State" note={cron === null ? 'nothing is scheduled here' : `at ${cron} UTC`}><State backup={backup} /></Figure>
        <Figure name="Last proven" note="restored and compared">{verifiedAt === null ? 'never' : <Age at={verifiedAt} />}</Figure>
        <Figure name="Copied elsewhere">{offsiteAt === null ? 'never' : <Age at={offsiteAt} />}</Figure>
        <Figure name="Size" note={kind === 'base' ? 'copy of the server' : kind === 'dump' ? 'dump' : undefined}>{bytes === null ? '—' : `${(bytes / 1_048_576).toFixed(1)} MB`}</Figure>
        <Figure name="Took">{seconds === null ? '—' : span(seconds)}</Figure>
      </div>
      {runningSince === null ? null : <p className="quiet small">One runs, since <Age at={runningSince} />.</p>}
      {overdue ? <p className="danger">■ {verifiedAt === null ? 'Nothing of what is stored here' : 'Nothing that came after the last proven one'} could be got back if the database were lost now.</p> : null}
      {error === null ? null : <p className="danger">The last one failed: {error}</p>}
      {offsiteError === null ? null : <p className="danger">The last one was not copied to another machine: {offsiteError}</p>}
    </Panel>
  );
}

function State({ backup: { overdue, error, offsiteError } }: { backup: Backup }) {
  if (overdue) return <Light tone="danger">overdue</Light>;
  if (error !== null || offsiteError !== null) return <Light tone="doubt">failed</Light>;
  return overdue === null ? <Light tone="doubt">nobody is told</Light> : <Light tone="good">good</Light>;
}
