import { useState } from 'react';
import { Link } from 'wouter';
import { useMay } from '../../api/session.js';
import { type Column, DataTable } from '../../kit/data-table.js';
import { Amount, Mode, Money } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { Age } from '../../kit/time.js';
import type { Held, Overview } from '../../shared/overview.js';
import { sideOf } from '../../shared/side.js';
import { CloseDialog } from './close-dialog.js';

type Problem = Overview['problems'][number];

/** Worst first. */
const NAMES: Record<Problem['kind'], string> = {
  UNKNOWN: 'unknown', CLOSE_FAILED: 'close failed', NO_STOP: 'no stop at the broker', MISSING: 'missing at the broker', EXTERNAL: 'external', MISMATCH: 'differs from the broker', STALE_PRICE: 'stale price', CLOSING: 'closing',
};
const DOUBTS: ReadonlySet<string> = new Set(['STALE_PRICE', 'CLOSING', 'MISMATCH']);
const RANK = Object.keys(NAMES);
const keyOf = ({ tradeId, positionId, symbol, accountId, direction }: Pick<Held, 'tradeId' | 'positionId' | 'symbol' | 'accountId' | 'direction'>): string => tradeId ?? positionId ?? `${accountId} ${symbol} ${direction}`;

/** With what is wrong and is no row of the positions: what is missing at its broker is open nowhere. Worst first. */
function heldOf({ openPositions, problems }: Overview): Held[] {
  const shown = new Set(openPositions.map(keyOf));
  const beside = new Map<string, Held>();
  for (const { kind, detail, since: _since, ...held } of problems) {
    const key = keyOf(held);
    if (shown.has(key)) continue;
    const known = beside.get(key);
    beside.set(key, known ? { ...known, problems: [...known.problems, kind] } : { ...held, problems: [kind], detail });
  }
  const rankOf = ({ problems: [worst] }: Held) => (worst ? RANK.indexOf(worst) : RANK.length);
  return [...beside.values(), ...openPositions].sort((a, b) => rankOf(a) - rankOf(b));
}

function Wrong({ held: { problems, detail } }: { held: Held }) {
  const [worst] = problems;
  if (!worst) return <span className="quiet">nothing</span>;
  return <span className={DOUBTS.has(worst) ? 'doubt' : 'danger'}>{DOUBTS.has(worst) ? '▲' : '■'} {problems.map((kind) => NAMES[kind]).join(', ')}{detail ? <div className="small">{detail}</div> : null}</span>;
}

export function PositionsTable({ data }: { data: Overview }) {
  const may = useMay('operator');
  const [closing, setClosing] = useState<Held | null>(null);
  const rows = heldOf(data);
  const columns: Column<Held>[] = [
    { name: 'Position', cell: (held) => <>{held.tradeId ? <Link href={`/trades/${held.tradeId}`}>{held.symbol}</Link> : held.symbol} {sideOf(held)} <Mode mode={held.mode} /><div className="small quiet">{held.account} · <Link href={`/agents/${held.agentId}`}>{held.agent}</Link></div></> },
    { name: 'Wrong', cell: (held) => <Wrong held={held} /> },
    { name: 'Size', number: true, cell: (held) => <Amount value={held.openLots} /> },
    { name: 'Entry', number: true, cell: (held) => <Amount value={held.entryPrice} why="nobody told" />, wide: true },
    { name: 'Stop', number: true, cell: (held) => <Amount value={held.stopLoss} why="none is known" />, wide: true },
    { name: 'Floating', number: true, cell: (held) => <><Money value={held.profit.value} currency={held.currency} signed why={held.profit.why} />{held.profitAsOf ? <div className="small quiet"><Age at={held.profitAsOf} /></div> : null}</> },
    { name: 'Price', number: true, cell: (held) => <Age at={held.priceAsOf} never="none" />, wide: true },
    ...(may ? [{ name: 'Close', cell: (held: Held) => <button type="button" className="small" disabled={!held.canClose} title={held.whyNot ?? undefined} aria-label={`Close ${held.symbol} …`} onClick={() => setClosing(held)}>Close …</button> }] : []),
  ];
  const more = data.openPositionsTotal - data.openPositions.length;
  return (
    <Panel title="Open positions" actions={<Link href="/trades">All trades</Link>}>
      <DataTable label="Open positions" columns={columns} rows={rows} rowKey={keyOf} empty="Nothing is open." tone={({ problems: [worst] }) => (!worst ? undefined : DOUBTS.has(worst) ? 'doubt' : 'danger')} />
      {more > 0 ? <p className="small quiet">and {more} more under <Link href="/trades">Trades</Link></p> : null}
      {closing ? <CloseDialog held={rows.find((held) => keyOf(held) === keyOf(closing)) ?? closing} onClose={() => setClosing(null)} /> : null}
    </Panel>
  );
}
