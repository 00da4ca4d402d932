import { Link } from 'wouter';
import type { AnswerOf } from '../../../api/queries.js';
import { DataTable } from '../../../kit/data-table.js';
import { LIMIT_NAMES, type LimitName, MEANINGS } from './limit-meanings.js';
import { LimitShown } from './limit-telling.js';

type EffectiveLimits = AnswerOf<'/api/v1/limits/effective'>;

interface Row {
  name: LimitName;
  bound: EffectiveLimits['limits'][LimitName][number] | null;
}

/** Of each limit the tightest and where it stands; two where amounts in two currencies both hold. */
export function Effective({ effective }: { effective: EffectiveLimits }) {
  const rows = LIMIT_NAMES.flatMap((name): Row[] => {
    const bounds = effective.limits[name];
    return bounds.length === 0 ? [{ name, bound: null }] : bounds.map((bound) => ({ name, bound }));
  });
  return (
    <DataTable
      label="Effective limits" rows={rows} rowKey={({ name, bound }) => `${name}-${bound?.currency ?? ''}`} empty="There are no limits." tone={({ bound }) => (bound ? undefined : 'doubt')}
      columns={[
        { name: 'Limit', cell: ({ name }) => MEANINGS[name].title },
        { name: 'Holds', number: true, cell: ({ name, bound }) => <LimitShown name={name} value={bound?.value ?? null} currency={bound?.currency ?? ''} /> },
        { name: 'From', cell: ({ name, bound }) => (bound ? <Layer from={bound.from} effective={effective} /> : <Nowhere name={name} />) },
      ]}
    />
  );
}

const Nowhere = ({ name }: { name: LimitName }) => <span className="doubt">nowhere: nothing is held back <code>{name}</code></span>;

function Layer({ from, effective: { accountId, agentId, strategyId } }: { from: string; effective: EffectiveLimits }) {
  switch (from) {
    case 'account': return <Link href={`/risk/limits/account/${accountId}`}>its account</Link>;
    case 'agent': return <Link href={`/risk/limits/agent/${agentId}`}>the agent</Link>;
    case 'strategy': return <Link href={`/risk/limits/strategy/${strategyId}`}>the strategy</Link>;
    case 'riskCaps': return <Link href={`/risk/strategies/${strategyId}`}>the strategy's own caps</Link>;
    default: return <Link href="/risk">everybody</Link>;
  }
}
