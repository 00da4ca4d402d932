import { Link } from 'wouter';
import { useGet } from '../../../api/queries.js';
import { Light, Mode } from '../../../kit/figures.js';
import { Empty, Fresh, Panel } from '../../../kit/panel.js';
import { Raw } from '../../../kit/raw.js';
import { Time } from '../../../kit/time.js';
import { AccountName, AgentLink, useAccounts } from '../../../shared/names.js';
import { statusTone, type Trade, whatOf } from '../trade-words.js';
import { Explanations } from './explanations.js';
import { ExitRules } from './exit-rules.js';
import { Fills } from './fills.js';
import { History } from './history.js';
import { Marks } from './marks.js';
import { TradeActions } from './trade-actions.js';
import { TradeChart } from '../../../shared/trade-chart/trade-chart.js';
import { TradeFacts } from './trade-facts.js';

/** An id is looked for only where it is one: the API would call anything else a bad request. */
const IS_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function TradePage({ id }: { id: string }) {
  if (!IS_ID.test(id)) return <><h1>Trade</h1><Empty>This address names no trade. <Link href="/trades">All trades</Link></Empty></>;
  return <Known id={id} />;
}

function Known({ id }: { id: string }) {
  const query = useGet('/api/v1/trades/{tradeId}', { path: { tradeId: id } });
  const currency = useAccounts().find((account) => account.id === query.data?.accountId)?.currency;
  return (
    <>
      <p><Link href="/trades">All trades</Link></p>
      {query.data ? <Heading trade={query.data} /> : <h1>Trade</h1>}
      <Fresh query={query}>{(trade) => (
        <div className="stack">
          <TradeActions trade={trade} />
          <TradeFacts trade={trade} currency={currency} />
          <Panel title="Price around the trade"><TradeChart trade={trade} /></Panel>
          <Panel title="Explanations"><Explanations tradeId={id} /></Panel>
          <div className="grid2">
            <Panel title="Fills"><Fills tradeId={id} currency={currency} /></Panel>
            <Panel title="Exit rules"><ExitRules tradeId={id} isOver={trade.finishedAt !== null} /></Panel>
          </div>
          <Panel title="History"><History tradeId={id} /></Panel>
          <Panel title="Marks"><Marks trade={trade} currency={currency} /></Panel>
          <Raw record={trade} />
        </div>
      )}</Fresh>
    </>
  );
}

function Heading({ trade }: { trade: Trade }) {
  return (
    <div className="row between">
      <div>
        <h1>{whatOf(trade)} <Light tone={statusTone(trade)}>{trade.status}</Light></h1>
        <p className="row quiet"><Mode mode={trade.executionMode} /> <AccountName id={trade.accountId} /> · <AgentLink id={trade.agentId} /> · recorded <Time at={trade.createdAt} /></p>
      </div>
      <Link className="button" href={`/why/${trade.id}`}>Why this trade</Link>
    </div>
  );
}
