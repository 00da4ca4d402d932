import { useState } from 'react';
import { Link } from 'wouter';
import { useMay } from '../../api/session.js';
import { DataTable } from '../../kit/data-table.js';
import { Amount } from '../../kit/figures.js';
import { InstrumentForm } from './instrument-form.js';
import { ForAgent } from './paste.js';
import type { Instrument, Progress } from './progress.js';

export function InstrumentsStep({ progress: { account, instruments, agent } }: { progress: Progress }) {
  const mayOperate = useMay('operator');
  const [isNew, setNew] = useState(false);
  if (!account) return null;
  const isEmpty = instruments.length === 0;
  return (
    <>
      {isEmpty ? <p>What is traded, with its terms: what a lot is, what a tick is worth. Without them risk is not known, and live refuses. Take them from the broker&apos;s specification.</p> : <Listed rows={instruments} />}
      {mayOperate && (isEmpty || isNew) ? <InstrumentForm accountId={account.id} onMade={() => setNew(false)} /> : null}
      {!mayOperate && isEmpty ? <p>An operator tells them, or the agent itself at its start.</p> : null}
      <div className="row">
        {mayOperate && !isEmpty ? <button type="button" className="small" onClick={() => setNew(!isNew)}>{isNew ? 'Leave it at these' : 'Another instrument'}</button> : null}
        <Link href={`/settings/instruments?accountId=${account.id}`}>All terms</Link>
      </div>
      {agent ? <ForAgent what="instruments" /> : <p className="small quiet">An agent can tell them itself at its start, by POST /instruments/batch.</p>}
    </>
  );
}

const Listed = ({ rows }: { rows: readonly Instrument[] }) => (
  <DataTable<Instrument>
    label="Instruments" rows={rows} rowKey={({ id }) => id} empty="none"
    columns={[
      { name: 'Symbol', cell: ({ symbol, brokerSymbol }) => <>{symbol}{brokerSymbol && brokerSymbol !== symbol ? <span className="quiet"> ({brokerSymbol})</span> : null}</> },
      { name: 'Kind', cell: ({ kind }) => kind, wide: true },
      { name: 'Size of 1', number: true, cell: ({ contractSize, baseCurrency }) => <Amount value={contractSize} unit={baseCurrency ?? ''} /> },
      { name: 'Smallest', number: true, cell: ({ minSize, sizeUnit }) => <Amount value={minSize} unit={sizeUnit} /> },
      { name: 'Tick', number: true, wide: true, cell: ({ tickSize }) => <Amount value={tickSize} /> },
      { name: 'Worth of a tick', number: true, wide: true, cell: ({ tickValue, tickValueCurrency }) => <Amount value={tickValue} unit={tickValueCurrency ?? 'of the account'} /> },
    ]}
  />
);
