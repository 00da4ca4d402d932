import { strictestState } from '../halts/strictest.js';
import type { AgentWithState } from './agents.repository.js';

export const HEARTBEAT_SECONDS = 15;
/** Three and six missed heartbeats. */
const SUSPECT_AFTER_SECONDS = 45;
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
export function canTrade(agent: AgentWithState): boolean {
  if (agent.account_mismatch !== null || strictestState(agent.halts ?? []) !== 'active') return false;
  const broker = agent.mode === 'live'
    ? agent.broker_connected === true && agent.trade_allowed === true && agent.positions_seconds !== null && Number(agent.positions_seconds) <= POSITIONS_SECONDS_MOST
    : agent.broker_connected !== false && agent.trade_allowed !== false;
  return broker && agent.retired_at === null && agent.run === 'running' && agent.status === 'running' && agent.holds_trading_lease;
}
