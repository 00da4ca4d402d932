import { DataTable } from '../../kit/data-table.js';
import { Time } from '../../kit/time.js';
import { textOf } from './step.js';

/** Each time the command was handed out, and how that ended. */
export const Attempts = ({ attempts }: { attempts: Record<string, unknown>[] }) => (
  <DataTable label="Attempts" rows={attempts.map((attempt, n) => ({ attempt, n }))} rowKey={({ n }) => String(n)} empty="It was never handed out." columns={[
    { name: 'Attempt', number: true, cell: ({ attempt }) => textOf(attempt, 'attempt') ?? '—' },
    { name: 'Handed out', cell: ({ attempt }) => <Time at={textOf(attempt, 'leasedAt')} /> },
    { name: 'To', wide: true, cell: ({ attempt }) => textOf(attempt, 'instanceId') ?? <span className="quiet">a copy without a name</span> },
    { name: 'Ended', cell: ({ attempt }) => textOf(attempt, 'outcome') ?? <span className="quiet">not yet</span> },
  ]} />
);
