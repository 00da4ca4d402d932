import { roughly } from '../../kit/decimal.js';
import { Amount, Bar, Money, type Tone } from '../../kit/figures.js';
import { titleOf } from '../../kit/schema.js';
import type { Book } from '../../shared/overview.js';
import css from './overview.module.css';

type Limit = Book['exposure'][number];

const partOf = ({ actual, limit }: Limit): number => (actual.value === null || limit === null ? NaN : roughly(limit) === 0 ? 1 : roughly(actual.value) / roughly(limit));
const toneOf = (part: number): Tone => (part >= 1 ? 'danger' : part >= 0.8 ? 'doubt' : 'good');
const nameOf = (limit: Limit): string => `${titleOf(limit.name)}${limit.of ? ` (${limit.of})` : ''}`;

/** Those with a limit under their bars, the nearest to it first; the rest behind a disclosure, by name. */
export function ExposureLimits({ exposure, currency }: { exposure: Limit[]; currency: string }) {
  if (exposure.length === 0) return null;
  const limited = exposure.filter(({ limit, limitWhy }) => limit !== null || limitWhy !== null).sort((a, b) => (partOf(b) || 0) - (partOf(a) || 0));
  const free = exposure.filter((each) => !limited.includes(each));
  const [worst] = limited;
  return (
    <details>
      <summary className="small">Exposure{worst ? <>: {nameOf(worst)} at {Number.isNaN(partOf(worst)) ? 'not known' : `${Math.round(partOf(worst) * 100)} %`} of its limit</> : ': no limits'}{free.length > 0 ? <span className="doubt"> ▲ {free.length} without a limit</span> : null}</summary>
      <table className={css.limits} aria-label="Exposure against limits">
        <tbody>
          {[...limited, ...free].map((each) => (
            <tr key={`${each.name} ${each.of ?? ''}`}>
              <th scope="row">{nameOf(each)}</th>
              <td className="number"><Of value={each.actual.value} why={each.actual.why} unit={each.unit} currency={currency} /> of {each.limit === null && each.limitWhy === null ? <span className="doubt">no limit</span> : <Of value={each.limit} why={each.limitWhy} unit={each.unit} currency={currency} />}</td>
              <td>{each.limit === null ? null : <Bar part={partOf(each)} tone={toneOf(partOf(each))} label={`${nameOf(each)}: part of the limit that is used`} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

const Of = ({ value, why, unit, currency }: { value: string | null; why: string | null; unit: Limit['unit']; currency: string }) =>
  (unit === 'currency' ? <Money value={value} currency={currency} why={why} /> : <Amount value={value} why={why} />);
