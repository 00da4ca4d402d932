import type { AnswerOf } from '../../api/queries.js';
import { DataTable } from '../../kit/data-table.js';
import { roughly } from '../../kit/decimal.js';
import { Percent } from '../../kit/figures.js';
import css from './history.module.css';

type Class = AnswerOf<'/api/v1/predictions/stats'>['calibration'][number];

const SIDE = 240;
const EDGE = 32;
/** A place on the drawing: 0 to 1 from left to right, and from below. */
const x = (part: number) => EDGE + part * SIDE;
const y = (part: number) => 8 + (1 - part) * SIDE;
const TICKS = [0, 0.25, 0.5, 0.75, 1];
/** Below so many a class says little. */
const FEW = 20;

/** How sure they were against how often they came true: on the line a confidence can be believed. */
export function Calibration({ classes }: { classes: readonly Class[] }) {
  const known = classes.filter(({ count }) => count > 0);
  const most = Math.max(1, ...known.map(({ count }) => count));
  const points = known.map(({ averageConfidence, accuracy, count, from }) => ({ x: x(roughly(averageConfidence)), y: y(roughly(accuracy)), r: 3 + 7 * Math.sqrt(count / most), count, from }));
  return (
    <div className={css.calibration}>
      <figure>
        <svg viewBox={`0 0 ${EDGE + SIDE + 12} ${SIDE + 44}`} role="img" aria-label="Calibration: how often predictions came true, by how confident they were. The table says the same." className={css.drawing}>
          {TICKS.map((part) => (
            <g key={part}>
              <line x1={x(0)} x2={x(1)} y1={y(part)} y2={y(part)} className={css.grid} /><line x1={x(part)} x2={x(part)} y1={y(0)} y2={y(1)} className={css.grid} />
              <text x={x(0) - 5} y={y(part) + 4} textAnchor="end">{part * 100}</text><text x={x(part)} y={y(0) + 15} textAnchor="middle">{part * 100}</text>
            </g>
          ))}
          <line x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} className={css.ideal} />
          {points.length > 1 ? <polyline points={points.map((at) => `${at.x},${at.y}`).join(' ')} className={css.curve} /> : null}
          {points.map((at) => <circle key={at.from} cx={at.x} cy={at.y} r={at.r} className={at.count < FEW ? css.few : css.point} />)}
          <text x={x(0.5)} y={y(0) + 32} textAnchor="middle">confidence, %</text>
        </svg>
        <figcaption className="small quiet">Upwards: came true, %. Dashed: confidence that can be believed. Hollow: fewer than {FEW}.</figcaption>
      </figure>
      <DataTable label="Calibration by confidence" rows={classes} rowKey={({ from }) => from} empty="" columns={[
        { name: 'Confidence', cell: ({ from, to }) => <span className="nowrap"><Percent fraction={from} /> to <Percent fraction={to} /></span> },
        { name: 'Scored', cell: ({ count }) => count, number: true }, { name: 'Came true', cell: ({ accuracy }) => <Percent fraction={accuracy && short(accuracy)} why="none is scored" />, number: true },
        { name: 'Said', cell: ({ averageConfidence }) => <Percent fraction={averageConfidence && short(averageConfidence)} why="none is scored" />, number: true },
      ]} />
    </div>
  );
}

/** Of eighteen digits of a mean four are known to mean something. */
export const short = (fraction: string): string => fraction.slice(0, 6);
