import { DataTable } from '../../kit/data-table.js';
import { Figure, Light, Unknown } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { Age } from '../../kit/time.js';
import { Lines } from './lines.js';
import type { System } from './pool-panel.js';
import css from './system.module.css';

const sizeOf = (bytes: number): string => (bytes >= 1_073_741_824 ? `${(bytes / 1_073_741_824).toFixed(1)} GB` : `${(bytes / 1_048_576).toFixed(1)} MB`);
const ms = (value: number | null): string => (value === null ? '—' : `${Math.round(value * 10) / 10} ms`);

export function DatabasePanel({ system: { database, schema, samples } }: { system: System }) {
  const items = samples.items;
  return (
    <Panel title="Database" actions={database.available ? <Light tone="good">answers</Light> : <Light tone="danger">away</Light>}>
      {database.error ? <p className="danger">■ {database.error}</p> : null}
      <div className={css.figures}>
        <Figure name="Latency">{database.latencyMs === null ? <Unknown why="it does not answer" /> : ms(database.latencyMs)}</Figure>
        <Figure name="Schema" note={schema?.version ?? 'no version is known'}>{schema ? `${schema.applied} steps` : <Unknown why="the database does not answer" />}</Figure>
        <Figure name="Connections" note="of all instances and others">{database.connections ?? <Unknown why="not looked up" />}</Figure>
        <Figure name="Size" note={database.sizesAsOf ? <>as of <Age at={database.sizesAsOf} /></> : 'not looked up yet'}>{database.bytes === null ? '—' : sizeOf(database.bytes)}</Figure>
      </div>
      {schema && schema.pending.length > 0 ? <p className="danger">■ Not applied yet: {schema.pending.join(', ')}</p> : null}
      {database.roles === 'single' ? <p className="doubt">▲ One role reads and writes: what may never be deleted is kept by triggers alone.</p> : null}
      {items.length > 1 ? <Lines label="Latency over time" unit="ms" isSmall times={items.map(({ at }) => at)} lines={[{ name: 'latency', look: 'latency', values: items.map(({ latencyMs }) => latencyMs), now: ms(items.at(-1)?.latencyMs ?? null) }]} /> : null}
      {database.tables ? (
        <details>
          <summary className="small quiet">The largest tables</summary>
          <DataTable label="The largest tables" rows={database.tables} rowKey={({ name }) => name} empty="None." columns={[{ name: 'Table', cell: ({ name }) => <code>{name}</code> }, { name: 'Size, with indexes', number: true, cell: ({ bytes }) => sizeOf(bytes) }]} />
        </details>
      ) : null}
    </Panel>
  );
}
