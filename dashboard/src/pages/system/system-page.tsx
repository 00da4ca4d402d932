import { useQuery } from '@tanstack/react-query';
import { type ApiError, noAnswer } from '../../api/problem.js';
import { useGet } from '../../api/queries.js';
import { useStream } from '../../api/stream.js';
import { Figure, Light } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Raw } from '../../kit/raw.js';
import { Age, span } from '../../kit/time.js';
import { BackupPanel } from './backup-panel.js';
import { DatabasePanel } from './database-panel.js';
import { DisksTable } from './disks-table.js';
import { DrillPanel } from './drill-panel.js';
import { MirrorsTable } from './mirrors-table.js';
import { MonitorPanel } from './monitor-panel.js';
import { PoolPanel } from './pool-panel.js';
import { ReplicaPanel } from './replica-panel.js';
import { RetentionPanel } from './retention-panel.js';
import { SchedulesTable } from './schedules-table.js';
import { StatementsTable } from './statements-table.js';
import css from './system.module.css';

const EVERY_MS = 10_000;

interface Health {
  httpStatus: number;
  status?: string;
  database?: { available?: boolean; error?: string | null };
  version?: string;
  uptimeSeconds?: number;
  [more: string]: unknown;
}

/** Without a token, and true also while the database is away. */
async function readHealth(signal: AbortSignal): Promise<Health> {
  try {
    const response = await fetch('/health', { signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]), cache: 'no-store' });
    return { ...((await response.json()) as object), httpStatus: response.status };
  } catch (error) {
    throw noAnswer((error as Error).message, true);
  }
}

export default function SystemPage() {
  const health = useQuery<Health, ApiError>({ queryKey: ['/health', {}], queryFn: ({ signal }) => readHealth(signal), refetchInterval: EVERY_MS });
  const system = useGet('/api/v1/system', undefined, { every: EVERY_MS });
  const stream = useStream();
  return (
    <>
      <h1>System</h1>
      <Panel title="Health">
        <Fresh query={health} every={EVERY_MS}>
          {(said) => (
            <div className="stack">
              <div className={css.figures}>
                <Figure name="This server">{said.httpStatus === 200 ? <Light tone="good">well</Light> : <Light tone="danger">not well</Light>}</Figure>
                <Figure name="Database">{said.database?.available === true ? <Light tone="good">answers</Light> : said.database?.available === false ? <Light tone="danger">away</Light> : <Light tone="doubt">not known</Light>}</Figure>
                <Figure name="Version">{said.version ?? '—'}</Figure>
                <Figure name="Up for">{said.uptimeSeconds === undefined ? '—' : span(said.uptimeSeconds)}</Figure>
                <Figure name="This page's event stream" note={stream.why}>{stream.state === 'live' ? <Light tone="good">live</Light> : <Light tone={stream.state === 'broken' ? 'danger' : 'doubt'}>{stream.state}</Light>}</Figure>
              </div>
              {said.database?.available === false ? <p className="danger" role="alert">■ The database does not answer: {said.database.error ?? 'it did not say why'}. Nothing is released, queued or handed out until it does; agents open nothing once their trading lease ends.</p> : null}
              <Raw record={said} name="What /health says" />
            </div>
          )}
        </Fresh>
      </Panel>
      <Fresh query={system} every={EVERY_MS}>
        {(now) => (
          <div className="stack">
            <MonitorPanel monitor={now.monitor} />
            <PoolPanel system={now} />
            <div className="grid2">
              <DatabasePanel system={now} />
              <Panel title="Instance and events">
                <div className={css.figures}>
                  <Figure name="Started" note={`node ${now.instance.node}`}><Age at={now.instance.startedAt} /></Figure>
                  <Figure name="Memory" note={`heap ${megabytes(now.instance.memory.heapUsedBytes)} of ${megabytes(now.instance.memory.heapTotalBytes)}`}>{megabytes(now.instance.memory.rssBytes)}</Figure>
                  <Figure name="Event streams" note="open on this instance">{now.events.streams}</Figure>
                  <Figure name="Events behind" note={now.events.listen === 'lost' ? 'the listening connection is lost' : now.events.listen === 'off' ? 'listening is off (DB_LISTEN)' : undefined}>{now.events.behindSeconds === null ? '—' : span(now.events.behindSeconds)}</Figure>
                </div>
                {now.events.behindSeconds === null ? <p className="quiet small">Not known, or nobody follows them.</p> : null}
              </Panel>
            </div>
            {now.replica ? <ReplicaPanel replica={now.replica} /> : null}
            <BackupPanel backup={now.backup} />
            <DrillPanel drill={now.restoreDrill} />
            {now.mirrors !== null && now.mirrors.length > 0 ? <Panel title="Mirrors"><MirrorsTable mirrors={now.mirrors} /></Panel> : null}
            <RetentionPanel retention={now.retention} />
            <Panel title="Disks">{now.disk === null ? <p className="doubt">▲ Not known: no folder said in time how much room it has.</p> : <DisksTable disk={now.disk} />}</Panel>
            {now.statements !== null ? <Panel title="What takes the database's time"><StatementsTable statements={now.statements} /></Panel> : null}
            <Panel title="Schedules">
              {now.schedules === null ? <p className="doubt">▲ Not known while the database is away.</p> : <SchedulesTable schedules={now.schedules} />}
            </Panel>
          </div>
        )}
      </Fresh>
    </>
  );
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MB`;
