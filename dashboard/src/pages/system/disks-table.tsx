import { DataTable } from '../../kit/data-table.js';
import { Light } from '../../kit/figures.js';
import type { System } from './pool-panel.js';

const NAMES = { data: 'Data', backups: 'Backups', database: 'Embedded database' } as const;
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Where this instance keeps files, and how much room is left there. */
export function DisksTable({ disk: { folders, minPercent } }: { disk: NonNullable<System['disk']> }) {
  return (
    <DataTable label="Disks" rows={folders} rowKey={({ folder }) => folder} empty="This instance keeps no files." tone={({ isLow }) => (isLow ? 'danger' : undefined)}
      columns={[
        { name: 'What', cell: ({ folder }) => NAMES[folder] },
        { name: 'State', cell: ({ isLow }) => (isLow ? <Light tone="danger">below {minPercent} %</Light> : <Light tone="good">room</Light>) },
        { name: 'Free', number: true, cell: ({ freeBytes, freePercent }) => `${gigabytes(freeBytes)} (${freePercent} %)` },
        { name: 'Size', number: true, wide: true, cell: ({ totalBytes }) => gigabytes(totalBytes) },
        { name: 'Folder', wide: true, cell: ({ path }) => <code>{path}</code> },
      ]} />
  );
}
