import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../api/client.js';
import { ApiError } from '../../api/problem.js';
import { makeStale } from '../../api/queries.js';
import type { paths } from '../../api/schema.js';
import { Field } from '../../kit/field.js';
import { ProblemNote } from '../../kit/problem-note.js';
import type { Account } from './progress.js';
import css from './start.module.css';

type Body = paths['/api/v1/accounts']['post']['requestBody']['content']['application/json'];
type Kind = Account['kind'];

const ABOUT: Record<Kind, string> = { paper: 'kept here alone', demo: "a broker's, without money", live: 'money' };

/** The zone of the browser is as good a beginning as any: the trader sees what it means. */
const zoneHere = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

export function AccountForm({ kinds, onMade }: { kinds: readonly Kind[]; onMade: (account: { id: string; name: string }) => void }) {
  const client = useQueryClient();
  const [kind, setKind] = useState<Kind>(kinds[0]!);
  const make = useMutation({
    mutationFn: (form: FormData) => {
      const text = (name: string) => String(form.get(name) ?? '').trim();
      const optional = Object.fromEntries((['broker', 'server', 'login', 'initialBalance'] as const).map((name) => [name, text(name)]).filter(([, value]) => value !== ''));
      const body = { name: text('name'), kind, currency: text('currency').toUpperCase(), marginMode: text('marginMode'), tradingDay: { zone: text('zone'), rollover: text('rollover') }, ...optional } as Body;
      return answer(api.POST('/api/v1/accounts', { body }));
    },
    onSuccess: async (made) => {
      await makeStale(client, '/api/v1/accounts', '/api/v1/overview');
      onMade(made);
    },
  });
  const wrong = (field: string) => (make.error instanceof ApiError ? make.error.of(field) : undefined);
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); make.mutate(new FormData(event.currentTarget)); }}>
      <div className={css.form}>
        <Field name="Name of the account" error={wrong('name')}><input name="name" required maxLength={100} autoComplete="off" /></Field>
        <Field name="Kind" about={ABOUT[kind]} error={wrong('kind')}><select value={kind} onChange={({ target }) => setKind(target.value as Kind)}>{kinds.map((each) => <option key={each}>{each}</option>)}</select></Field>
        <Field name="Currency" error={wrong('currency')}><input name="currency" defaultValue="USD" required maxLength={10} autoCapitalize="characters" /></Field>
        <Field name="Positions" about="hedging keeps each for itself, netting one for each symbol" error={wrong('marginMode')}><select name="marginMode"><option>hedging</option><option>netting</option><option>exchange</option></select></Field>
        <Field name="Zone of its day" about="such as Europe/Prague" error={wrong('tradingDay.zone') ?? wrong('zone')}><input name="zone" defaultValue={zoneHere()} required spellCheck={false} /></Field>
        <Field name="Its day begins" about="HH:MM in that zone: loss limits count from there" error={wrong('tradingDay.rollover')}><input name="rollover" defaultValue="00:00" required pattern="([01]\d|2[0-3]):[0-5]\d" /></Field>
        <Field name="Balance to begin with (optional)" error={wrong('initialBalance')}><input name="initialBalance" inputMode="decimal" defaultValue={kind === 'paper' ? '10000' : ''} key={kind} /></Field>
        {kind === 'paper' ? null : (
          <>
            <Field name="Broker (optional)" error={wrong('broker')}><input name="broker" maxLength={100} /></Field>
            <Field name="Server (optional)" about="as the terminal names it" error={wrong('server')}><input name="server" maxLength={200} spellCheck={false} /></Field>
            <Field name="Login (optional)" about="hashed with the server at once, and stored nowhere" error={wrong('login')}><input name="login" autoComplete="off" spellCheck={false} /></Field>
          </>
        )}
      </div>
      <ProblemNote error={make.error} holds="No account was made, as far as is known here." />
      <div><button className="main" disabled={make.isPending}>{make.isPending ? 'Making …' : `Make ${kind} account`}</button></div>
    </form>
  );
}
