import css from './sign-in.module.css';

/** The server or its database is away: nothing is known, and nothing is made up. */
export function Unreachable({ why }: { why: string }) {
  return (
    <main className={css.alone}>
      <h1>■ NOT KNOWN</h1>
      <p role="alert">The server does not answer as it should: {why}</p>
      <p>Whether trading goes on is not known here. Agents that cannot reach the server open nothing once their trading lease ends, after a minute at most. It is tried again every three seconds.</p>
      <p className="quiet">On the server itself, <code>tradewarden halt</code> stops trading also while this page cannot.</p>
    </main>
  );
}
