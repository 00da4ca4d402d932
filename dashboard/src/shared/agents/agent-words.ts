import type { components } from '../../api/schema.js';

export type Agent = components['schemas']['Agent'];
export type DesiredState = components['schemas']['DesiredState'];
export type Reason = DesiredState['reasons'][number];

/** An agent opens in this time after a heartbeat, and not later; in live its positions are to be known as freshly. */
const LEASE_MS = 60_000;

/** A breaker's reason begins with its own name and scope, which stand before it here. */
const NAMED_ALREADY = /^\S+ of [^:]*: /;

export const reasonText = ({ code, scope, symbol, mode, reason, breaker, by }: Reason): string => {
  if (code !== 'HALT') return REASONS[code] ?? `${code}${by ? ` (${by})` : ''}`;
  const what = scope === 'symbol' && symbol ? `of ${symbol}` : scope === 'global' ? 'of everything' : `of the ${scope}`;
  return breaker ? `${mode} ${what} by the circuit breaker ${breaker}: ${(reason ?? '').replace(NAMED_ALREADY, '')}` : `${mode} ${what}: ${reason ?? ''}`;
};

const REASONS: Record<string, string> = {
  AGENT_RETIRED: 'it is retired', COMMAND_PAUSE: 'somebody paused it', COMMAND_STOP: 'somebody stopped it', COMMAND_KILL: 'somebody killed it', COMMAND_FLATTEN: 'it was flattened, and stays paused until a resume',
  COMMAND_START: 'somebody started it', COMMAND_RESUME: 'somebody resumed it', MODE_CHANGED: 'its mode became live: somebody has to start it', ACCOUNT_MISMATCH: 'it trades on another account than the registered one: after mending that, send resume',
};

/** Whether a halt holds the whole agent; those of a symbol or a strategy leave its state alone. */
const holdsAll = ({ code, scope }: Reason): boolean => code === 'HALT' && scope !== 'symbol' && scope !== 'strategy';

/** What stands between an agent and an opening, in words, the gravest first; empty when it can trade. */
export function whyNoTrade({ canTrade, retired, mode, state, desiredState }: Agent, nowMs: number): string[] {
  if (canTrade) return [];
  if (retired) return ['it is retired'];
  const why: string[] = [];
  const { reasons, run } = desiredState;
  if (desiredState.state !== 'active') why.push(...reasons.filter(holdsAll).map(reasonText));
  if (state.openingsSuspended) why.push('the system holds openings until it is well again: see System');
  if (state.accountMismatch) why.push(`its terminal is on another account: ${state.accountMismatch.join(', ')} differ`);
  if (run !== 'running') why.push(`it is to be ${run}${reasons.some(({ code }) => code !== 'HALT') ? `: ${reasons.filter(({ code }) => code !== 'HALT').map(reasonText).join('; ')}` : mode === 'live' ? ': a live agent waits for a person to start it' : ''}`);
  if (state.lastSeenAt === null) why.push('it was never heard: start it with its key');
  else {
    if (state.status !== 'running') why.push(`it says that it is ${state.status}${state.errorMessage ? `: ${state.errorMessage}` : ''}`);
    if (nowMs - Date.parse(state.lastSeenAt) > LEASE_MS) why.push('its trading lease has ended: no heartbeat for more than 60 s');
  }
  if (state.brokerConnected === false) why.push('its broker is not connected');
  if (state.tradeAllowed === false) why.push('its broker does not let it trade');
  if (mode === 'live' && state.lastSeenAt !== null) {
    if (state.brokerConnected === null || state.tradeAllowed === null) why.push('it did not say whether its broker is connected and lets it trade');
    if (state.positionsAsOf === null || nowMs - Date.parse(state.positionsAsOf) > LEASE_MS) why.push('there is no complete report of its positions of the last 60 s');
  }
  return why.length > 0 ? why : ['no copy of it holds the trading lease'];
}

/** Whether what it should do is not yet what it has seen. */
export const hasNotObserved = ({ desiredState, state }: Pick<Agent, 'desiredState' | 'state'>): boolean => state.observedStateVersion !== null && state.observedStateVersion < desiredState.version;
