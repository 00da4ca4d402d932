import { Route, Switch } from 'wouter';
import { useMay } from '../../api/session.js';
import { Empty } from '../../kit/panel.js';
import { Tabs } from '../../kit/tabs.js';
import { AccountPage } from './accounts/account-page.js';
import { AccountsTab } from './accounts/accounts-tab.js';
import { Appearance } from './appearance.js';
import { InstrumentPage } from './instruments/instrument-page.js';
import { InstrumentsTab } from './instruments/instruments-tab.js';
import { NotificationsTab } from './notifications/notifications-tab.js';
import { AuditTab } from './users/audit-tab.js';
import { UsersTab } from './users/users-tab.js';

const FOR_ALL = [
  { to: '/settings', name: 'Appearance' }, { to: '/settings/accounts', name: 'Accounts' }, { to: '/settings/instruments', name: 'Instruments' }, { to: '/settings/notifications', name: 'Notifications' },
];
const FOR_ADMINS = [{ to: '/settings/users', name: 'Users' }, { to: '/settings/audit', name: 'Audit' }];

export default function SettingsPage() {
  const isAdmin = useMay('admin');
  return (
    <>
      <h1>Settings</h1>
      <Tabs label="Settings" tabs={isAdmin ? [...FOR_ALL, ...FOR_ADMINS] : FOR_ALL} />
      <Switch>
        <Route path="/settings"><Appearance /></Route>
        <Route path="/settings/accounts"><AccountsTab /></Route>
        <Route path="/settings/accounts/:id">{({ id }) => <AccountPage key={id} id={id} />}</Route>
        <Route path="/settings/instruments"><InstrumentsTab /></Route>
        <Route path="/settings/instruments/:id">{({ id }) => <InstrumentPage key={id} id={id} />}</Route>
        <Route path="/settings/notifications"><NotificationsTab /></Route>
        <Route path="/settings/users">{isAdmin ? <UsersTab /> : <OnlyAdmins />}</Route>
        <Route path="/settings/audit">{isAdmin ? <AuditTab /> : <OnlyAdmins />}</Route>
        <Route><Empty>There is nothing at this address. The tabs above lead to all that is here.</Empty></Route>
      </Switch>
    </>
  );
}

const OnlyAdmins = () => <Empty>Administrators alone see this.</Empty>;
