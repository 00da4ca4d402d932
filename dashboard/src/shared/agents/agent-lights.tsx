import { Light, type Tone } from '../../kit/figures.js';
import { useNow } from '../../kit/time.js';
import { type Agent, hasNotObserved, whyNoTrade } from './agent-words.js';

const LIVENESS: Record<Agent['liveness'], Tone> = { online: 'good', suspect: 'doubt', offline: 'danger' };

export const Liveness = ({ agent: { liveness, retired, state } }: { agent: Pick<Agent, 'liveness' | 'retired' | 'state'> }) => {
  if (retired) return <Light tone="off">retired</Light>;
  return <Light tone={state.lastSeenAt === null ? 'off' : LIVENESS[liveness]}>{state.lastSeenAt === null ? 'never heard' : liveness}</Light>;
};

/** "Online" and "can trade" are two lights: one may be on without the other. */
export function CanTrade({ agent, brief = false }: { agent: Agent; brief?: boolean }) {
  const why = whyNoTrade(agent, useNow());
  if (why.length === 0) return <Light tone="good">can trade</Light>;
  return (
    <div>
      <Light tone={agent.retired ? 'off' : 'doubt'}>cannot trade</Light>
      <div className="small quiet">{brief ? `${why[0]}${why.length > 1 ? `, and ${why.length - 1} more` : ''}` : why.join('; ')}</div>
    </div>
  );
}

/** Wanted and observed side by side where they differ. */
export function Wanted({ agent }: { agent: Agent }) {
  const { desiredState, state } = agent;
  const isWell = desiredState.state === 'active' && desiredState.run === 'running';
  const differs = hasNotObserved(agent);
  return (
    <div>
      <Light tone={isWell ? 'good' : desiredState.state === 'active' ? 'off' : 'danger'}>{desiredState.state === 'active' ? desiredState.run : `${desiredState.state}, ${desiredState.run}`}</Light>
      {differs ? <div className="small doubt">▲ it has seen version {state.observedStateVersion} of {desiredState.version}, and says {state.status}</div> : null}
    </div>
  );
}
