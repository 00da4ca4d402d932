import { Route, Switch } from 'wouter';
import { Tabs } from '../../kit/tabs.js';
import { EquityCurve } from './equity-curve.js';
import { TradePage } from './one/trade-page.js';
import { Performance } from './performance.js';
import { TradeList } from './trade-list.js';

const TABS = [{ to: '/trades', name: 'Trades' }, { to: '/trades/curve', name: 'Equity curve' }, { to: '/trades/performance', name: 'Performance' }];

export default function TradesPage() {
  return (
    <Switch>
      <Route path="/trades"><Part><TradeList /></Part></Route>
      <Route path="/trades/curve"><Part><EquityCurve /></Part></Route>
      <Route path="/trades/performance"><Part><Performance /></Part></Route>
      <Route path="/trades/:id">{({ id }) => <TradePage key={id} id={id} />}</Route>
    </Switch>
  );
}

function Part({ children }: { children: React.ReactNode }) {
  return (
    <>
      <h1>Trades</h1>
      <Tabs label="Parts of trades" tabs={TABS} />
      {children}
    </>
  );
}
