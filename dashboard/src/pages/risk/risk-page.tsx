import { Route, Switch } from 'wouter';
import { Empty } from '../../kit/panel.js';
import { Tabs } from '../../kit/tabs.js';
import { BreakerPage } from './breakers/breaker-page.js';
import { BreakersTab } from './breakers/breakers-tab.js';
import { ExposureTab } from './exposure/exposure-tab.js';
import { HaltPage } from './halts/halt-page.js';
import { HaltsTab } from './halts/halts-tab.js';
import { LimitsInForce } from './limits/limits-in-force.js';
import { NarrowerLimits } from './limits/narrower-limits.js';
import { NarrowerPage } from './limits/narrower-page.js';
import { StrategiesTab } from './strategies/strategies-tab.js';
import { StrategyPage } from './strategies/strategy-page.js';

const TABS = [
  { to: '/risk', name: 'Limits for everybody' }, { to: '/risk/limits', name: 'Tighter limits' }, { to: '/risk/exposure', name: 'Exposure' },
  { to: '/risk/breakers', name: 'Breakers' }, { to: '/risk/halts', name: 'Halts' }, { to: '/risk/strategies', name: 'Strategies' },
];

export default function RiskPage() {
  return (
    <>
      <h1>Risk</h1>
      <Tabs label="Risk" tabs={TABS} />
      <Switch>
        <Route path="/risk"><LimitsInForce /></Route>
        <Route path="/risk/limits"><NarrowerLimits /></Route>
        <Route path="/risk/limits/:scope/:id">{({ scope, id }) => <NarrowerPage key={id} scope={scope} id={id} />}</Route>
        <Route path="/risk/exposure"><ExposureTab /></Route>
        <Route path="/risk/breakers"><BreakersTab /></Route>
        <Route path="/risk/breakers/:name">{({ name }) => <BreakerPage key={name} name={name} />}</Route>
        <Route path="/risk/halts"><HaltsTab /></Route>
        <Route path="/risk/halts/:id">{({ id }) => <HaltPage key={id} id={id} />}</Route>
        <Route path="/risk/strategies"><StrategiesTab /></Route>
        <Route path="/risk/strategies/:id">{({ id }) => <StrategyPage key={id} id={id} />}</Route>
        <Route><Empty>There is nothing at this address. The tabs above lead to all that is here.</Empty></Route>
      </Switch>
    </>
  );
}
