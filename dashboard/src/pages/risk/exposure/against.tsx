import { asPercent, roughly } from '../../../kit/decimal.js';
import { Amount, Bar, Money, type Tone } from '../../../kit/figures.js';
import css from './exposure.module.css';

interface Bound {
  value: string | number;
  from: string;
  currency: string | null;
}

export const whyOf = (unknown: readonly { detail: string }[]): string | null => unknown.map(({ detail }) => detail).join('; ') || null;

const FROM: Record<string, string> = { global: 'for everybody', account: 'of the account', agent: 'of the agent', strategy: 'of the strategy', riskCaps: "of the strategy's caps" };

/** A figure against its limits; amounts of another currency hold too, and are not drawn, since no rate is made up here. */
export function Against({ name, value, bounds, currency }: { name: string; value: string | null; bounds: readonly Bound[]; currency: string | null }) {
  if (bounds.length === 0) return <span className="doubt small">▲ no limit</span>;
  return (
    <div className={css.against}>
      {bounds.map((bound) => {
        const part = bound.currency !== null && bound.currency !== currency ? NaN : partOf(value, String(bound.value));
        return (
          <div key={bound.currency ?? ''}>
            <Bar part={part} tone={toneOf(part)} label={`${name} against its limit`} />
            <span className="small quiet">{Number.isFinite(part) ? `${asPercent(part.toFixed(2))} of ` : ''}{bound.currency === null ? <Amount value={bound.value} /> : <Money value={String(bound.value)} currency={bound.currency} />} {FROM[bound.from] ?? bound.from}</span>
          </div>
        );
      })}
    </div>
  );
}

/** Of nothing allowed, nothing is none of it and anything is over it. */
function partOf(value: string | null, limit: string): number {
  const [has, may] = [Math.abs(roughly(value)), roughly(limit)];
  return may === 0 ? (has === 0 ? 0 : has > 0 ? 1 : NaN) : has / may;
}

const toneOf = (part: number): Tone => (part >= 1 ? 'danger' : part >= 0.8 ? 'doubt' : 'good');
