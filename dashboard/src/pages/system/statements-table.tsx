import { DataTable } from '../../kit/data-table.js';
import type { System } from './pool-panel.js';

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** What took most of the database's time, where its server keeps count. */
export function StatementsTable({ statements }: { statements: NonNullable<System['statements']> }) {
  return (
    <DataTable label="Statements" rows={statements} rowKey={({ statement }) => statement} empty="None yet."
      columns={[
        { name: 'Statement', cell: ({ statement }) => <code>{statement.length > 120 ? `${statement.slice(0, 120)}…` : statement}</code> },
        { name: 'Time', number: true, cell: ({ totalMs }) => seconds(totalMs) },
        { name: 'Calls', number: true, cell: ({ calls }) => calls },
        { name: 'Each', number: true, wide: true, cell: ({ meanMs }) => `${meanMs} ms` },
        { name: 'Rows', number: true, wide: true, cell: ({ rows }) => rows },
      ]} />
  );
}
