import { strictestState } from '../halts/strictest.js';
import type { AgentWithState } from './agents.repository.js';

export const HEARTBEAT_SECONDS = 15;
/** Three and six missed heartbeats. */
export const SUSPECT_AFTER_SECONDS = 45;
export const OFFLINE_AFTER_SECONDS = 90;
/** How long an agent may open after its last heartbeat. Sent as a duration, since clocks lie. */
export const TRADING_LEASE_SECONDS = 60;

/** Of an agent's own silence, until its trades are closed where its policy says so. */
export const WIND_DOWN_AFTER_SECONDS = 900;
/** Three heartbeats: what an agent gets when this server was away and is back. */
export const GRACE_SECONDS = 45;

export type Liveness = 'online' | 'suspect' | 'offline';

/** @param silentSeconds since the last heartbeat, by the database's clock; null: never heard */
export function livenessOf(silentSeconds: string | null): Liveness {
  const silent = silentSeconds === null ? Infinity : Number(silentSeconds);
  if (silent < SUSPECT_AFTER_SECONDS) return 'online';
  return silent < OFFLINE_AFTER_SECONDS ? 'suspect' : 'offline';
}

/** How old the last complete report of positions may be for who opens in live. */
export const POSITIONS_SECONDS_MOST = 60;

/** "Online" and "can trade" are two lights. In live, what the broker allows and holds must be known, not assumed. */
export const canTrade = (agent: AgentWithState): boolean => whyNotTrading(agent) === null;

/** The first of what stands in the way, in words; null: it can trade. */
export function whyNotTrading(agent: AgentWithState): string | null {
  const live = agent.mode === 'live';
  const state = strictestState(agent.halts ?? []);
  if (agent.retired_at !== null) return 'it is retired';
  if (agent.account_mismatch !== null) return `its terminal is on another account: ${agent.account_mismatch.join(', ')}`;
  if (state !== 'active') return `it is held: ${state}`;
  if (agent.openings_suspended) return 'the system holds openings until it is well again';
  if (agent.run !== 'running') return `it is told to be ${agent.run}`;
  if (agent.status !== 'running') return agent.last_seen_at === null ? 'it was never heard of' : `it says ${agent.status}`;
  if (!agent.holds_trading_lease) return agent.last_seen_at === null ? 'it was never heard of' : 'it has no trading lease: no heartbeat for a minute';
  if (agent.broker_connected === false) return 'it is not connected to its broker';
  if (agent.trade_allowed === false) return 'its broker does not allow trading';
  if (live && agent.broker_connected === null) return 'nobody told whether it is connected to its broker';
  if (live && agent.trade_allowed === null) return 'nobody told whether its broker allows trading';
  if (live && agent.positions_seconds === null) return 'it has told no complete list of positions since it started';
  if (live && Number(agent.positions_seconds) > POSITIONS_SECONDS_MOST) return `its list of positions is older than ${POSITIONS_SECONDS_MOST} s`;
  return null;
}
