import { Time } from '../../kit/time.js';
import css from './system.module.css';

export interface Line {
  name: string;
  /** Dashes and width tell lines apart, not colour alone. */
  look: 'active' | 'idle' | 'waiting' | 'total' | 'latency';
  /** Null: not known, and left open. */
  values: readonly (number | null)[];
  now: string;
}

interface Props {
  label: string;
  times: readonly string[];
  lines: readonly Line[];
  unit: string;
  isSmall?: boolean;
}

const [WIDTH, HEIGHT] = [600, 100];

/** Lines over time, drawn by hand: gaps stay gaps. The figures stand beside the names, for who cannot see lines. */
export function Lines({ label, times, lines, unit, isSmall = false }: Props) {
  const highest = Math.max(1, ...lines.flatMap(({ values }) => values.filter((value): value is number => value !== null)));
  const first = Date.parse(times[0] ?? '');
  const length = Math.max(1, Date.parse(times.at(-1) ?? '') - first);
  const x = (index: number) => ((Date.parse(times[index]!) - first) / length) * WIDTH;
  const y = (value: number) => HEIGHT - 2 - (value / highest) * (HEIGHT - 6);
  const path = (values: Line['values']) => values.map((value, index) => (value === null ? '' : `${index > 0 && values[index - 1] !== null ? 'L' : 'M'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`)).join('');
  return (
    <figure className="stack">
      <svg className={`${css.chart} ${isSmall ? css.small : ''}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${label}: ${lines.map(({ name, now }) => `${name} ${now}`).join(', ')}; the highest was ${highest} ${unit}`}>
        <line className={css.grid} x1="0" x2={WIDTH} y1={y(highest / 2)} y2={y(highest / 2)} />
        {lines.map(({ name, look, values }) => <path key={name} className={`${css.line} ${css[look]}`} d={path(values)} />)}
      </svg>
      <div className={css.axis}><Time at={times[0]} /><span>top: {Math.round(highest * 10) / 10} {unit}</span><Time at={times.at(-1)} /></div>
      <figcaption className={css.legend}>
        {lines.map(({ name, look, now }) => <span key={name} className={css.key}><svg viewBox="0 0 24 8" aria-hidden="true"><line className={`${css.line} ${css[look]}`} x1="0" x2="24" y1="4" y2="4" /></svg>{name} <strong>{now}</strong></span>)}
      </figcaption>
    </figure>
  );
}
