import { Link } from 'wouter';
import { type AnswerOf, useGet } from '../../../api/queries.js';
import { DataTable } from '../../../kit/data-table.js';
import { Code, Light, type Tone } from '../../../kit/figures.js';
import { Fresh } from '../../../kit/panel.js';
import { titleOf } from '../../../kit/schema.js';
import { Age } from '../../../kit/time.js';

type Shown = AnswerOf<'/api/v1/trades/{tradeId}/exit-rules'>;
const TONES: Record<Shown['rules'][number]['state'], Tone> = { armed: 'good', pending: 'doubt', unknown: 'danger', fired: 'doubt' };
const WORDS: Record<Shown['rules'][number]['state'], string> = { armed: 'watches', pending: 'looks so, not confirmed yet', unknown: 'cannot be judged', fired: 'has fired' };

export function ExitRules({ tradeId, isOver }: { tradeId: string; isOver: boolean }) {
  const query = useGet('/api/v1/trades/{tradeId}/exit-rules', { path: { tradeId } });
  return (
    <Fresh query={query}>{({ rules, effective, override, strategyId, version }) => {
      const settings = Object.entries(effective).filter(([, value]) => value !== null && value !== undefined);
      return (
        <div className="stack">
          <DataTable label="Exit rules" rows={rows(rules, isOver)} rowKey={({ rule }) => rule} empty={isOver ? 'The trade is over; no rule watches it.' : 'No rule watches this trade: neither a stop nor a target, nor a rule of a strategy.'} columns={[
            { name: 'Rule', cell: ({ rule }) => titleOf(rule) },
            { name: 'State', cell: ({ state, since, why, closureId }) => <><Light tone={TONES[state]}>{WORDS[state]}</Light>{since ? <span className="quiet small"> since <Age at={since} /></span> : null}{why ? <div className="small"><Code>{why}</Code></div> : null}{closureId ? <div className="small"><Link href={`/why/${closureId}`}>its closure</Link></div> : null}</> },
          ]} />
          {settings.length > 0 ? <p className="small quiet">{settings.map(([name, value]) => `${titleOf(name)}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`).join(' · ')}</p> : null}
          <p className="small quiet">{override === null ? (strategyId === null ? 'No strategy: its own stop and targets alone.' : <>By <Link href={`/risk/strategies/${strategyId}`}>its strategy</Link>.</>) : `Overridden for this trade (version ${version}).`}</p>
        </div>
      );
    }}</Fresh>
  );
}

/** What is over is watched no more; what has fired stays. */
const rows = (rules: Shown['rules'], isOver: boolean) => (isOver ? rules.filter(({ state }) => state === 'fired') : rules);
