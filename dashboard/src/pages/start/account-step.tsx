import { useState } from 'react';
import { useMay } from '../../api/session.js';
import { Facts } from '../../kit/facts.js';
import { Field } from '../../kit/field.js';
import { Money } from '../../kit/figures.js';
import { AccountForm } from './account-form.js';
import type { Progress } from './progress.js';

export function AccountStep({ progress: { account, accounts, choose } }: { progress: Progress }) {
  const mayAdmin = useMay('admin');
  const [isNew, setNew] = useState(false);
  if (!account || isNew) {
    if (!mayAdmin) return <p>An administrator makes the account.</p>;
    return (
      <>
        <p>Where trades are booked. Begin with a paper account in the currency and with the trading day of the real one, so that its limits mean the same.</p>
        <AccountForm kinds={['paper', 'demo', 'live']} onMade={({ id }) => { setNew(false); choose(id); }} />
        {account ? <div><button type="button" onClick={() => setNew(false)}>Stay with {account.name}</button></div> : null}
      </>
    );
  }
  const { zone, rollover } = account.tradingDay;
  return (
    <>
      {accounts.length > 1 ? <Field name="Account"><select value={account.id} onChange={({ target }) => choose(target.value)}>{accounts.map(({ id, name, kind }) => <option key={id} value={id}>{`${name} (${kind})`}</option>)}</select></Field> : null}
      <Facts of={[
        ['Name', account.name], ['Kind', account.kind], ['Currency', account.currency], ['Positions', account.marginMode], ['Its day begins', `${rollover} ${zone}`],
        ['Began with', <Money key="b" value={account.initialBalance as string | null} currency={account.currency} why="it was not said" />],
      ]} />
      {mayAdmin ? <div><button type="button" className="small" onClick={() => setNew(true)}>Another account</button></div> : null}
    </>
  );
}
