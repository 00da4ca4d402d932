import { DataTable } from '../../kit/data-table.js';
import { Light } from '../../kit/figures.js';
import { Age, span } from '../../kit/time.js';
import type { System } from './pool-panel.js';

type Schedule = NonNullable<System['schedules']>[number];

const rank = ({ isLate, lastError }: Schedule): number => (lastError ? 0 : isLate ? 1 : 2);

/** What recurs; what failed or is late stands first. */
export function SchedulesTable({ schedules }: { schedules: readonly Schedule[] }) {
  return (
    <DataTable label="Schedules" rows={[...schedules].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))} rowKey={({ name }) => name} empty="None is known." tone={({ lastError, isLate }) => (lastError ? 'danger' : isLate ? 'doubt' : undefined)}
      columns={[
        { name: 'Schedule', cell: ({ name }) => <code>{name}</code> },
        { name: 'State', cell: ({ isLate, isRunning, lastError, everySeconds }) => (lastError ? <Light tone="danger">failed</Light> : isLate ? <Light tone="doubt">late</Light> : everySeconds === null ? <Light tone="off">not run by this version</Light> : isRunning ? <Light tone="good">running now</Light> : <Light tone="good">in time</Light>) },
        { name: 'Every', number: true, wide: true, cell: ({ everySeconds }) => (everySeconds === null ? '—' : span(everySeconds)) },
        { name: 'Last', cell: ({ lastRunAt }) => <Age at={lastRunAt} /> },
        { name: 'Next', wide: true, cell: ({ nextRunAt }) => <Age at={nextRunAt} /> },
        { name: 'Error', wide: true, cell: ({ lastError }) => lastError ?? '' },
      ]} />
  );
}
