import { DataTable } from '../../kit/data-table.js';
import { Figure, Light } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { Age } from '../../kit/time.js';
import type { System } from './pool-panel.js';
import css from './system.module.css';

/** What is removed when it is old, and what stays though it is. */
export function RetentionPanel({ retention }: { retention: System['retention'] }) {
  if (retention === null) return <Panel title="Retention"><p className="doubt">▲ Not known while the database is away.</p></Panel>;
  const { lastRun, lastSuccessAt, removed, archives } = retention;
  const rows = removed.reduce((sum, each) => sum + each.rows, 0);
  return (
    <Panel title="Retention">
      <div className={css.figures}>
        <Figure name="State"><Light tone={lastRun === null || lastRun.status === 'running' ? 'doubt' : lastRun.status === 'failed' ? 'danger' : 'good'}>{lastRun === null ? 'has not run' : lastRun.status === 'finished' ? 'good' : lastRun.status}</Light></Figure>
        <Figure name="Last run">{lastRun === null ? '—' : <Age at={lastRun.startedAt} />}</Figure>
        <Figure name="Last that ended well">{lastSuccessAt === null ? '—' : <Age at={lastSuccessAt} />}</Figure>
        <Figure name="Rows removed" note={removed.length === 0 ? undefined : `of ${removed.length} tables`}>{rows}</Figure>
        <Figure name="Archived decisions" note={`in ${archives.files} files`}>{archives.decisions}</Figure>
      </div>
      {lastRun?.error ? <p className="danger">The last run failed, and what is old stays until one goes well: {lastRun.error}</p> : null}
      {lastRun !== null && lastRun.held.length > 0 ? (
        <DataTable label="Months that stay" rows={lastRun.held} rowKey={({ table, month }) => `${table} ${month}`} empty="None."
          columns={[{ name: 'Table', cell: ({ table }) => <code>{table}</code> }, { name: 'Month', cell: ({ month }) => month }, { name: 'Why it stays', cell: ({ why }) => why }]} />
      ) : null}
    </Panel>
  );
}
