import { useSession } from '../api/session.js';
import { HoldButton } from '../kit/confirm.js';
import css from './sign-in.module.css';
import { KeptStops } from './stop/kept-line.js';
import { keepStop } from './stop/kept-stops.js';

/** The frame itself failed: nothing of it can be believed, and Stop is still there. */
export function Broken({ error, again }: { error: Error; again: () => void }) {
  const session = useSession();
  const halt = () => keepStop({ scope: { type: 'global' }, mode: 'halt', reason: 'Stopped by hand', name: null, userId: session.state === 'in' ? session.user.id : null, leases: [] });
  return (
    <main className={css.alone}>
      <h1>■ NOT KNOWN</h1>
      <p role="alert">This page failed, and shows nothing rather than something wrong: {error.message}</p>
      <KeptStops />
      <HoldButton onHeld={halt}>Halt everything</HoldButton>
      <div className="row"><button type="button" onClick={again}>Try again</button><button type="button" onClick={() => location.reload()}>Reload</button></div>
      <p className="quiet">On the server itself, <code>tradewarden halt</code> stops trading also while this page cannot.</p>
    </main>
  );
}
