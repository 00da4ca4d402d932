import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { written } from '../../../kit/decimal.js';
import { Amount, Code, Figure, Light, Money, Unknown } from '../../../kit/figures.js';
import { Panel } from '../../../kit/panel.js';
import { span, Time } from '../../../kit/time.js';
import { profitUnknown, SOURCES, type Trade } from '../trade-words.js';
import { MadeBy } from '../../../shared/made-by.js';
import { short } from '../../../shared/ratio.js';
import { Protection } from './protection.js';
import css from './one.module.css';

const ORIGINS = { ungated: 'ungated: it passed no gate', external: 'external: found at the broker', imported: 'imported from another system' };

export function TradeFacts({ trade, currency }: { trade: Trade; currency: string | undefined }) {
  return (
    <>
      <Panel title="What came of it">
        <div className={css.figures}>
          <Figure name="Net profit" size="great" note={<ProfitSource trade={trade} currency={currency} />}><Money value={trade.netProfit} currency={currency} signed why={profitUnknown(trade)} /></Figure>
          <Figure name="R" note={trade.initialRiskAmount === null ? 'no stop at the entry, or terms not known' : <>risked at first: <Money value={trade.initialRiskAmount} currency={currency} /></>}>
            {trade.rMultiple === null ? <Unknown why="no stop at the entry, or no profit known" /> : <span title={trade.rMultiple}>{written(short(trade.rMultiple, 2), { sign: true })}</span>}
          </Figure>
          <Figure name="Held" note={trade.exitReason ? <>ended by {trade.exitReason.replaceAll('_', ' ')}</> : undefined}><Held trade={trade} /></Figure>
        </div>
      </Panel>
      <div className="grid2">
        <Panel title="Prices and sizes">
          <Facts rows={[
            ['Entry', <><Amount value={trade.entryPrice} why="not entered, or not told" /> <Time at={trade.entryTime} /></>],
            ['Exit', <><Amount value={trade.exitPrice} why="not closed, or not told" /> <Time at={trade.exitTime} /></>],
            ['Stop', <><Amount value={trade.stopLoss} why="there is none" />{trade.initialStopLoss !== null && trade.initialStopLoss !== trade.stopLoss ? <span className="quiet"> at first <Amount value={trade.initialStopLoss} /></span> : null}</>],
            ['Targets', trade.takeProfit?.length ? trade.takeProfit.map(({ price, sizeFraction }) => <div key={price + sizeFraction}><Amount value={price} />{trade.takeProfit!.length > 1 ? <span className="quiet"> for {written(sizeFraction)} of it</span> : null}</div>) : <Unknown why="there is none" />],
            ['Size asked for', <Amount value={trade.lotSize} />],
            ['Entered, exited', <><Amount value={trade.enteredSize} />, <Amount value={trade.exitedSize} /></>],
            ['Still open', <Amount value={trade.openSize} why="not known" />],
            ...(/[1-9]/.test(trade.overfilledSize ?? '') ? [['Exited beyond what entered', <span key="o" className="danger">■ <Amount value={trade.overfilledSize} />: an entry fill is missing</span>] as Row] : []),
            ['Slippage at entry', <Slippage value={trade.entrySlippage} />],
            ['Slippage at exit', <Slippage value={trade.exitSlippage} />],
            ['Went against it', <><Amount value={trade.maePrice} why="no mark and no fill tells" /> <span className="quiet"><Money value={trade.maeAmount} currency={currency} /></span> <Code>MAE</Code></>],
            ['Went in its favour', <><Amount value={trade.mfePrice} why="no mark and no fill tells" /> <span className="quiet"><Money value={trade.mfeAmount} currency={currency} /></span> <Code>MFE</Code></>],
          ]} />
        </Panel>
        <Panel title="Money, protection, origin">
          <Facts rows={[
            ['Gross profit', <Money value={trade.grossProfit} currency={currency} signed why={profitUnknown(trade)} />],
            ['Commission', <Money value={trade.commission} currency={currency} why="not told" />],
            ['Swap', <Money value={trade.swap} currency={currency} why="not told" />],
            ['Fee', <Money value={trade.fee} currency={currency} why="not told" />],
            ['By our calculation', <><Money value={trade.computedProfit} currency={currency} signed why="the instrument's terms are not known" />{trade.profitDifference !== null && /[1-9]/.test(trade.profitDifference) ? <span className="doubt"> ▲ differs by <Money value={trade.profitDifference} /></span> : null}</>],
            ['Protection', <Protection trade={trade} />],
            ['Origin', trade.origin === 'gated' ? <Light tone="good">through the gate</Light> : <Light tone="doubt">{ORIGINS[trade.origin]}</Light>],
            ['Idea', <IdLink id={trade.ideaId} to="/ideas" />],
            ['Prediction', <IdLink id={trade.predictionId} to="/why" />],
            ['Command', <IdLink id={trade.commandId} to="/why" />],
            ['Strategy', <IdLink id={trade.strategyId} to="/risk/strategies" />],
            ['Made by', <MadeBy of={trade} />],
            ['At the broker', <>{[trade.broker, trade.brokerSymbol, trade.brokerPositionId && `position ${trade.brokerPositionId}`, trade.brokerTicket && `ticket ${trade.brokerTicket}`].filter(Boolean).join(' · ') || <Unknown why="nothing was told" />} <Code>{trade.orderTag}</Code></>],
          ]} />
        </Panel>
      </div>
    </>
  );
}

type Row = [name: string, value: ReactNode];
const Facts = ({ rows }: { rows: Row[] }) => <dl className={css.facts}>{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;

const IdLink = ({ id, to }: { id: string | null; to: string }) => (id === null ? <span className="quiet">none</span> : <Link href={`${to}/${id}`}>{id.slice(-8)}</Link>);

/** Above zero is worse than what was asked for. */
function Slippage({ value }: { value: string | null }) {
  if (value === null) return <Unknown why="no fill says what was asked for" />;
  return <span>{written(value, { sign: true })}<span className="quiet"> {value.startsWith('-') ? 'better' : /[1-9]/.test(value) ? 'worse' : ''}</span></span>;
}

function Held({ trade: { entryTime, exitTime } }: { trade: Trade }) {
  if (entryTime === null) return <Unknown why="it has not entered" />;
  const end = exitTime === null ? null : Date.parse(exitTime);
  if (end === null) return <span>since <Time at={entryTime} /></span>;
  return <>{span((end - Date.parse(entryTime)) / 1_000)}</>;
}

function ProfitSource({ trade }: { trade: Trade; currency: string | undefined }) {
  if (trade.profitSource === null) return <>{profitUnknown(trade)}</>;
  return <span className={trade.profitSource === 'assumed' ? 'doubt' : undefined}>{trade.profitSource === 'assumed' ? '▲ ' : ''}source: {SOURCES[trade.profitSource]} <Code>{trade.profitSource}</Code></span>;
}
