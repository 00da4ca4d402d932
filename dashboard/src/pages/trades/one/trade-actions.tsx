import { useState } from 'react';
import { useGet } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import { Empty, Panel } from '../../../kit/panel.js';
import { isOver, mayBeOpen, type Trade } from '../trade-words.js';
import { CloseTrade } from './close-trade.js';
import { ClosuresUnderWay } from './closures-under-way.js';
import { SettleTrade } from './settle-trade.js';

/** What is under way, for everybody; what may be done, for who may do it. */
export function TradeActions({ trade }: { trade: Trade }) {
  const mayAct = useMay('operator');
  const closures = useGet('/api/v1/closures', { query: { tradeId: trade.id, open: 'true' } }, { enabled: !isOver(trade) });
  const [isSettling, setSettling] = useState(false);
  if (isOver(trade)) return null;
  const open = closures.data?.items ?? [];
  const isOpen = mayBeOpen(trade) && trade.openSize !== null && /[1-9]/.test(trade.openSize);
  if (!mayAct && open.length === 0) return null;
  return (
    <Panel title={open.length > 0 ? 'Being closed' : 'Close or settle'}>
      {open.length > 0 ? <ClosuresUnderWay closures={open} /> : null}
      {mayAct ? (
        <>
          {isOpen ? <CloseTrade trade={trade} /> : <Empty>Nothing of it is known to be open, so there is nothing to close.</Empty>}
          {isSettling
            ? <SettleTrade trade={trade} onDone={() => setSettling(false)} />
            : <div><button type="button" className="small" onClick={() => setSettling(true)}>Settle by hand …</button> <span className="small quiet">where the record is wrong: what the broker has done, written down with a reason. It sends nothing to the broker.</span></div>}
        </>
      ) : null}
    </Panel>
  );
}
