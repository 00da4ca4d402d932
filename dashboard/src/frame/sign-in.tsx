import { type FormEvent, useState } from 'react';
import { signIn } from '../api/session.js';
import { Field } from '../kit/field.js';
import { ProblemNote } from '../kit/problem-note.js';
import css from './sign-in.module.css';
import { KeptStops } from './stop/kept-line.js';

export function SignIn({ why }: { why?: string | undefined }) {
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    signIn(String(form.get('email')), String(form.get('password'))).catch((problem: Error) => setError(problem)).finally(() => setBusy(false));
  };
  return (
    <main className={css.alone}>
      <h1>Tradewarden</h1>
      {why ? <p role="status">{why}</p> : null}
      <KeptStops />
      <form className="stack" onSubmit={submit}>
        <Field name="E-mail"><input name="email" type="email" autoComplete="username" required autoFocus /></Field>
        <Field name="Password"><input name="password" type="password" autoComplete="current-password" required /></Field>
        <ProblemNote error={error} />
        <button className="main" disabled={busy}>{busy ? 'Signing in …' : 'Sign in'}</button>
      </form>
    </main>
  );
}
