import type { ReactNode } from 'react';
import { asPercent, isNegative, isZero, written } from './decimal.js';
import css from './figures.module.css';

/** A figure that is not known says so and why; it is never 0. */
export const Unknown = ({ why }: { why?: string | null | undefined }) => (
  <span className="quiet" title={why ?? undefined}>—{why ? <span className="unseen"> not known: {why}</span> : null}</span>
);

interface MoneyProps {
  value: string | null | undefined;
  currency?: string | undefined;
  /** Hundredths, for a look from two metres; the exact figure is on hover. */
  brief?: boolean;
  /** A gain is green and has its plus, a loss is red and has its minus. */
  signed?: boolean;
  why?: string | null | undefined;
}

export function Money({ value, currency, signed = false, brief = false, why }: MoneyProps) {
  if (value === null || value === undefined) return <Unknown why={why} />;
  const tone = !signed || isZero(value) ? '' : isNegative(value) ? 'loss' : 'gain';
  return <span className={`nowrap ${tone}`} title={brief ? value : undefined}>{written(value, { least: 2, sign: signed, ...(brief && { most: 2 }) })}{currency ? <span className={css.unit}> {currency}</span> : null}</span>;
}

/** A size, a price, a count: with its unit. */
export function Amount({ value, unit, why }: { value: string | number | null | undefined; unit?: string; why?: string | null }) {
  if (value === null || value === undefined) return <Unknown why={why} />;
  return <span className="nowrap">{written(String(value))}{unit ? <span className={css.unit}> {unit}</span> : null}</span>;
}

export function Percent({ fraction, why }: { fraction: string | null | undefined; why?: string | null }) {
  return fraction === null || fraction === undefined ? <Unknown why={why} /> : <span className="nowrap">{asPercent(fraction)}</span>;
}

/** A figure under its name. `size="great"` is for the few that matter. */
export function Figure({ name, children, size = 'figure', note }: { name: string; children: ReactNode; size?: 'figure' | 'great'; note?: ReactNode }) {
  return (
    <div className={css.figure}>
      <div className={css.name}>{name}</div>
      <div className={size === 'great' ? css.great : css.value}>{children}</div>
      {note ? <div className="quiet small">{note}</div> : null}
    </div>
  );
}

/** Each tone has its shape too: colour alone says nothing to some. */
const SHAPES = { good: '●', doubt: '▲', danger: '■', off: '○' } as const;
export type Tone = keyof typeof SHAPES;

export function Light({ tone, children }: { tone: Tone; children: ReactNode }) {
  return <span className={`${css.light} ${css[tone]}`}><span aria-hidden="true">{SHAPES[tone]}</span> {children}</span>;
}

/** LIVE has a colour that nothing else has. */
export const Mode = ({ mode }: { mode: string }) => <span className={mode === 'live' ? css.live : css.mode}>{mode === 'live' ? 'LIVE' : mode}</span>;

/** A code beside its sentence. */
export const Code = ({ children }: { children: ReactNode }) => <code className={css.code}>{children}</code>;

interface BarProps {
  /** 0 to 1; NaN: not known, and drawn so. */
  part: number;
  tone: Tone;
  label: string;
}

export function Bar({ part, tone, label }: BarProps) {
  const known = Number.isFinite(part);
  const percent = known ? Math.round(Math.min(1, Math.max(0, part)) * 100) : 0;
  return (
    <div className={css.bar} role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent} aria-valuetext={known ? `${percent} %` : 'not known'} data-unknown={!known}>
      <div className={css[tone]} style={{ width: `${percent}%` }} />
    </div>
  );
}
