import { DataTable } from '../../kit/data-table.js';
import { Light } from '../../kit/figures.js';
import { span } from '../../kit/time.js';
import type { System } from './pool-panel.js';

type Mirror = NonNullable<System['mirrors']>[number];

/** As MIRROR_BEHIND. */
const BEHIND_SECONDS = 300;

const isBehind = ({ behindSeconds, silentSeconds }: Mirror): boolean => behindSeconds === null || Math.max(behindSeconds, silentSeconds) > BEHIND_SECONDS;

/** Files of old systems that are kept up to date, and how far each is behind. */
export function MirrorsTable({ mirrors }: { mirrors: readonly Mirror[] }) {
  return (
    <DataTable label="Mirrors" rows={mirrors} rowKey={({ id }) => id} empty="None." tone={(mirror) => (mirror.error ? 'danger' : isBehind(mirror) ? 'doubt' : undefined)}
      columns={[
        { name: 'Place', cell: ({ place }) => <code>{place}</code> },
        { name: 'State', cell: (mirror) => (mirror.error ? <Light tone="danger">failing</Light> : isBehind(mirror) ? <Light tone="doubt">behind</Light> : <Light tone="good">up to date</Light>) },
        { name: 'Behind', number: true, cell: ({ behindSeconds }) => (behindSeconds === null ? 'never whole' : span(behindSeconds)) },
        { name: 'Events', number: true, wide: true, cell: ({ behindEvents }) => behindEvents },
        { name: 'Heard', number: true, wide: true, cell: ({ silentSeconds }) => span(silentSeconds) },
        { name: 'Error', wide: true, cell: ({ error }) => error ?? '' },
      ]} />
  );
}
