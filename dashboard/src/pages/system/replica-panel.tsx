import { Figure, Light, Unknown } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { Age, span } from '../../kit/time.js';
import type { System } from './pool-panel.js';
import css from './system.module.css';

const WHY = { unknown: 'how far it is is not known', away: 'it is away', behind: 'it is behind' };

/** The server that reports are read from while it is new enough. */
export function ReplicaPanel({ replica: { reason, lagSeconds, lagMaxSeconds, asOf, reads, fallbacks } }: { replica: NonNullable<System['replica']> }) {
  return (
    <Panel title="Replica" actions={reason === null ? <Light tone="good">read from</Light> : <Light tone="doubt">{reason}</Light>}>
      {reason === null ? null : <p className="doubt">▲ Reports are read from the primary: {WHY[reason]}.</p>}
      <div className={css.figures}>
        <Figure name="Behind" note={`at most; ${span(lagMaxSeconds)} are allowed`}>{lagSeconds === null ? <Unknown why="nobody could look" /> : span(Math.ceil(lagSeconds))}</Figure>
        <Figure name="Shows at least">{asOf === null ? '—' : <Age at={asOf} />}</Figure>
        <Figure name="Reports from it" note="of this instance">{reads}</Figure>
        <Figure name="From the primary" note="of this instance">{fallbacks}</Figure>
      </div>
    </Panel>
  );
}
