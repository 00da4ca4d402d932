import { HoldButton } from '../kit/confirm.js';
import css from './sign-in.module.css';
import { KeptStops } from './stop/kept-line.js';
import { keepStop } from './stop/kept-stops.js';

/** The server or its database is away: nothing is known, and nothing is made up. */
export function Unreachable({ why }: { why: string }) {
  const halt = () => keepStop({ scope: { type: 'global' }, mode: 'halt', reason: 'Stopped by hand', name: null, userId: null, leases: [] });
  return (
    <main className={css.alone}>
      <h1>■ NOT KNOWN</h1>
      <p role="alert">The server does not answer as it should: {why}</p>
      <p>Whether trading goes on is not known here. Agents that cannot reach the server open nothing once their trading lease ends, after a minute at most. It is tried again every three seconds.</p>
      <KeptStops />
      <HoldButton onHeld={halt}>Halt everything as soon as it answers</HoldButton>
      <p className="quiet">On the server itself, <code>tradewarden halt</code> stops trading also while this page cannot.</p>
    </main>
  );
}
