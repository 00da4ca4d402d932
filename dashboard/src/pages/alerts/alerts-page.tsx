import { Route, Switch } from 'wouter';
import { Tabs } from '../../kit/tabs.js';
import { AlertPage } from './alert.js';
import { Inbox } from './inbox.js';
import { NewSource } from './new-source.js';
import { SourceList } from './source-list.js';
import { SourcePage } from './source.js';

const TABS = [{ to: '/alerts', name: 'Inbox' }, { to: '/alerts/sources', name: 'Sources' }] as const;

export default function AlertsPage() {
  return (
    <>
      <h1>Alerts</h1>
      <Tabs label="Alerts" tabs={TABS} />
      <Switch>
        <Route path="/alerts/sources"><SourceList /></Route>
        <Route path="/alerts/sources/new"><NewSource /></Route>
        <Route path="/alerts/sources/:id">{({ id }) => <SourcePage key={id} id={id} />}</Route>
        <Route path="/alerts/:id">{({ id }) => <AlertPage key={id} id={id} />}</Route>
        <Route><Inbox /></Route>
      </Switch>
    </>
  );
}
