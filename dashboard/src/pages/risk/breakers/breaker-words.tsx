import { Link } from 'wouter';
import type { AnswerOf } from '../../../api/queries.js';
import { Amount, Light, Mode, Money, type Tone } from '../../../kit/figures.js';
import { asPercent } from '../../../kit/decimal.js';
import { titleOf } from '../../../kit/schema.js';
import { AccountName, AgentLink } from '../../../shared/names.js';

export type Breaker = AnswerOf<'/api/v1/circuit-breakers/{name}'>;
export type BreakerState = Breaker['states'][number];

export const titleOfBreaker = (name: string): string => titleOf(name);

const WORDS: Record<BreakerState['state'], { tone: Tone; word: string }> = {
  active: { tone: 'good', word: 'watching' }, warning: { tone: 'doubt', word: 'near its limit' }, tripped: { tone: 'danger', word: 'tripped' },
  cooling_down: { tone: 'danger', word: 'cooling down' }, testing: { tone: 'doubt', word: 'testing, at a smaller size' },
};

export const StateLight = ({ state }: { state: BreakerState['state'] }) => <Light tone={WORDS[state].tone}>{WORDS[state].word}</Light>;

/** Whom a state is about. */
export function ScopeName({ state: { scope, accountId, executionMode } }: { state: Pick<BreakerState, 'scope' | 'accountId' | 'executionMode'> }) {
  if (scope.type === 'global') return <>everything</>;
  if (scope.type === 'agent') return <AgentLink id={scope.id} />;
  return <span>{scope.type === 'symbol' ? `${scope.id} on ` : ''}<AccountName id={scope.type === 'account' ? scope.id : accountId} /> {executionMode ? <Mode mode={executionMode} /> : null}</span>;
}

/** A figure in the unit of its breaker; money where the unit is a currency. */
export function Measured({ value, unit, why }: { value: string | null; unit: string | null; why: string }) {
  if (unit === 'fraction' && value !== null) return <span className="nowrap">{asPercent(value)}</span>;
  if (unit !== null && /^[A-Z]{3,}$/.test(unit)) return <Money value={value} currency={unit} why={why} />;
  return <Amount value={value} {...(unit ? { unit } : {})} why={why} />;
}

export const isHolding = ({ state }: BreakerState): boolean => state !== 'active';
export const keyOfState = ({ scope, accountId, executionMode }: BreakerState): string => [scope.type, scope.id, accountId, executionMode].join(':');

export const BreakerLink = ({ name }: { name: string }) => <Link href={`/risk/breakers/${name}`}>{titleOfBreaker(name)}</Link>;
