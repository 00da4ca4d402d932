import { Redirect, Route, Switch } from 'wouter';
import { Tabs } from '../../kit/tabs.js';
import { BreakerEvents } from './breaker-events.js';
import { Commands } from './commands.js';
import { DecisionPage } from './decision.js';
import { Decisions } from './decisions.js';
import { Halts } from './halts.js';
import { IncidentPage } from './incident.js';
import { Incidents } from './incidents.js';
import { Predictions } from './predictions.js';

const TABS = [
  { to: '/history/decisions', name: 'Decisions' }, { to: '/history/predictions', name: 'Predictions' }, { to: '/history/commands', name: 'Commands' }, { to: '/history/incidents', name: 'Incidents' },
  { to: '/history/breakers', name: 'Breaker events' }, { to: '/history/halts', name: 'Halts' },
] as const;

export default function HistoryPage() {
  return (
    <>
      <h1>History</h1>
      <Tabs label="History" tabs={TABS} />
      <Switch>
        <Route path="/history/decisions"><Decisions /></Route>
        <Route path="/history/decisions/:id">{({ id }) => <DecisionPage key={id} id={id} />}</Route>
        <Route path="/history/predictions"><Predictions /></Route>
        <Route path="/history/commands"><Commands /></Route>
        <Route path="/history/incidents"><Incidents /></Route>
        <Route path="/history/incidents/:id">{({ id }) => <IncidentPage key={id} id={id} />}</Route>
        <Route path="/history/breakers"><BreakerEvents /></Route>
        <Route path="/history/halts"><Halts /></Route>
        <Route><Redirect to="/history/decisions" replace /></Route>
      </Switch>
    </>
  );
}
