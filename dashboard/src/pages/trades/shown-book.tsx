import { useFilter } from '../../kit/address.js';
import { Field } from '../../kit/field.js';
import { useAccounts } from '../../shared/names.js';
import { MODES } from './trade-words.js';

export interface Book { accountId: string; mode: string }

/** One account in one mode, kept in the address; the first account, and live for a live one, while nobody chose. Null: there is no account. */
export function useBook(): Book | null {
  const accounts = useAccounts();
  const [chosen] = useFilter('account');
  const [mode] = useFilter('mode');
  const account = accounts.find(({ id }) => id === chosen) ?? (chosen === '' ? accounts[0] : undefined);
  if (chosen === '' && !account) return null;
  return { accountId: chosen || account!.id, mode: mode || (account?.kind === 'live' ? 'live' : 'paper') };
}

export function BookChoice({ book }: { book: Book }) {
  const accounts = useAccounts();
  const [, setAccount] = useFilter('account');
  const [, setMode] = useFilter('mode');
  return (
    <>
      <Field name="Account">
        <select value={book.accountId} onChange={({ target }) => setAccount(target.value)}>
          {accounts.some(({ id }) => id === book.accountId) ? null : <option value={book.accountId}>{book.accountId}</option>}
          {accounts.map(({ id, name, currency }) => <option key={id} value={id}>{name} ({currency})</option>)}
        </select>
      </Field>
      <Field name="Mode">
        <select value={book.mode} onChange={({ target }) => setMode(target.value)}>
          {MODES.map((mode) => <option key={mode} value={mode}>{mode === 'live' ? 'LIVE' : mode}</option>)}
        </select>
      </Field>
    </>
  );
}
