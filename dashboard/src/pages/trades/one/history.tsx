import { useList } from '../../../api/queries.js';
import { DataTable } from '../../../kit/data-table.js';
import { Fresh } from '../../../kit/panel.js';
import { Time } from '../../../kit/time.js';
import { Actor } from '../../../shared/names.js';

export function History({ tradeId }: { tradeId: string }) {
  const { query, rows } = useList('/api/v1/trades/{tradeId}/transitions', { path: { tradeId }, query: { limit: 100 } });
  return (
    <Fresh query={query}>{() => (
      <DataTable label="History" rows={rows.map((row, n) => ({ ...row, n }))} rowKey={({ n }) => String(n)} more={query} empty="Nothing is known of how it came to be." columns={[
        { name: 'Time', cell: ({ occurredAt, late }) => <><Time at={occurredAt} />{late ? <div className="doubt small">▲ told late</div> : null}</> },
        { name: 'Step', cell: ({ from, to }) => (from === null ? <>recorded as <strong>{to}</strong></> : <>{from} → <strong>{to}</strong></>) },
        { name: 'By', cell: ({ actor }) => <Actor who={actor} /> },
        { name: 'Because', wide: true, cell: ({ reason, brokerDealId }) => reason ?? (brokerDealId ? <>deal <code>{brokerDealId}</code></> : <span className="quiet">—</span>) },
        { name: 'Said with it', wide: true, cell: ({ facts }) => <Said facts={facts} /> },
        { name: 'Version', number: true, wide: true, cell: ({ version }) => version },
      ]} />
    )}</Fresh>
  );
}

function Said({ facts }: { facts: Record<string, unknown> }) {
  const said = Object.entries(facts);
  return said.length === 0 ? <span className="quiet">—</span> : <span className="small">{said.map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`).join(', ')}</span>;
}
