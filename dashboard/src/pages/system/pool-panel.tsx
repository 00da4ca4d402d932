import type { AnswerOf } from '../../api/queries.js';
import { Figure, Light } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { Lines } from './lines.js';
import css from './system.module.css';

export type System = AnswerOf<'/api/v1/system'>;

/** Connections of this instance, now and over the last hour: who waits for one is a person waiting. */
export function PoolPanel({ system: { pool, samples } }: { system: System }) {
  const { items, everySeconds } = samples;
  const times = items.map(({ at }) => at);
  return (
    <Panel title="Connection pool">
      <div className={css.figures}>
        <Figure name="Size" note={`${pool.size} and ${pool.overflow} above it, ${pool.max} at most`}>{pool.total}</Figure>
        <Figure name="Active">{pool.active}</Figure>
        <Figure name="Idle">{pool.idle}</Figure>
        <Figure name="Waiting">{pool.waiting === 0 ? 0 : <Light tone="danger">{pool.waiting}</Light>}</Figure>
        <Figure name="Timeouts" note="since it started">{pool.timeoutsTotal === 0 ? 0 : <Light tone="doubt">{pool.timeoutsTotal}</Light>}</Figure>
      </div>
      {items.length < 2 ? <p className="quiet">A figure is kept every {everySeconds} s, of the last hour. There are not two yet.</p> : (
        <Lines label="Connections over time" unit="connections" times={times} lines={[
          { name: 'size', look: 'total', values: items.map(({ total }) => total), now: String(pool.total) },
          { name: 'active', look: 'active', values: items.map(({ active }) => active), now: String(pool.active) },
          { name: 'idle', look: 'idle', values: items.map(({ idle }) => idle), now: String(pool.idle) },
          { name: 'waiting', look: 'waiting', values: items.map(({ waiting }) => waiting), now: String(pool.waiting) },
        ]} />
      )}
    </Panel>
  );
}
