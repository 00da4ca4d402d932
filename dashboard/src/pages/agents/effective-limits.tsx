import { Link } from 'wouter';
import { type AnswerOf, useGet } from '../../api/queries.js';
import { asPercent, written } from '../../kit/decimal.js';
import { DataTable } from '../../kit/data-table.js';
import { Light } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { titleOf } from '../../kit/schema.js';

type Bound = AnswerOf<'/api/v1/limits/effective'>['limits']['maxLotSize'][number];

const FROM: Record<string, string> = { global: 'everybody', account: 'its account', agent: 'the agent itself', strategy: 'the strategy', riskCaps: "the strategy's risk caps" };

const valueOf = (name: string, { value, currency }: Bound): string => {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  const text = name.endsWith('Fraction') ? asPercent(String(value)) : written(String(value));
  return currency ? `${text} ${currency}` : text;
};

/** What holds for an agent now, and where each limit stands. A limit that nobody has set is off, in amber. */
export function EffectiveLimits({ agentId }: { agentId: string }) {
  const query = useGet('/api/v1/limits/effective', { query: { agentId } });
  return (
    <Panel title="Limits in effect" actions={<Link href={`/risk/limits/agent/${agentId}`}>Limits of this agent</Link>}>
      <Fresh query={query}>
        {({ limits }) => (
          <DataTable
            label="Limits in effect" rows={Object.entries(limits) as [string, Bound[]][]} rowKey={([name]) => name} empty="There are no limits."
            columns={[
              { name: 'Limit', cell: ([name]) => titleOf(name) },
              { name: 'At', number: true, cell: ([name, bounds]) => (bounds.length === 0 ? <Light tone="doubt">off</Light> : bounds.map((bound) => <div key={bound.from}>{valueOf(name, bound)}</div>)) },
              { name: 'Set for', cell: ([, bounds]) => (bounds.length === 0 ? <span className="quiet">nobody: nothing is held back by it</span> : bounds.map(({ from }) => <div key={from}>{FROM[from]}</div>)) },
            ]}
          />
        )}
      </Fresh>
    </Panel>
  );
}
