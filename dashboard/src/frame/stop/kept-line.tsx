import { useSession } from '../../api/session.js';
import { Time } from '../../kit/time.js';
import { HoldButton } from '../../kit/confirm.js';
import { forgetStop, type KeptStop, sendsItself, takeOver, useKeptStops } from './kept-stops.js';
import { Leases } from './leases.js';
import css from './stop.module.css';
import { deedOf } from './wording.js';

const REPEATS = 'It is tried again until the server answers, also after a reload.';

/** Every request to stop that is not answered yet, or was just done, until somebody has seen it. */
export function KeptStops({ leases }: { leases?: KeptStop['leases'] }) {
  const stops = useKeptStops();
  return <>{stops.filter(({ isOver }) => !isOver).map((stop) => <KeptLine key={stop.key} stop={stop} leases={leases} />)}</>;
}

function KeptLine({ stop, leases }: { stop: KeptStop; leases?: KeptStop['leases'] | undefined }) {
  const session = useSession();
  const userId = session.state === 'in' ? session.user.id : null;
  const deed = deedOf(stop.mode, { ...stop.scope, name: stop.name });
  if (stop.haltId) {
    return (
      <div className={css.kept} data-done="true" role="status">
        <span><strong>● {deed}</strong>: asked at <Time at={stop.askedAt} />, and done.</span>
        <a href={`/overview?halt=${stop.haltId}`}>See its effect</a>
        <button type="button" className="small" onClick={() => forgetStop(stop.key)}>Seen</button>
      </div>
    );
  }
  const waits = userId !== null && !sendsItself(stop, userId) && !stop.refused;
  return (
    <div className={css.kept} role="alert" aria-label="A stop that is not done">
      <span>
        <strong>■ {deed}</strong>: asked at <Time at={stop.askedAt} />, <strong>{stop.refused ? 'refused' : 'not yet done'}</strong>, try {stop.tries}{stop.said ? `: ${stop.said}` : ''}.{' '}
        {stop.refused ? 'Trading goes on as before.' : userId === null ? 'It is sent as soon as you are signed in.' : waits ? (stop.userId === userId ? 'It is old: send it only if it is still meant.' : 'Another person asked for it here.') : REPEATS}
        {stop.unanswered ? ' A try went without an answer, so it may have been done.' : ''}
      </span>
      {waits ? <HoldButton onHeld={() => takeOver(stop.key, userId)}>{deed} now</HoldButton> : null}
      <button type="button" className="small" onClick={() => forgetStop(stop.key)}>{stop.refused ? 'Seen' : 'Withdraw'}</button>
      {stop.refused || stop.tries < 2 ? null : <div className={css.leases}><Leases leases={leases && leases.length > 0 ? leases : stop.leases} /></div>}
    </div>
  );
}
