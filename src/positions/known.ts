import type { MarginMode } from '../accounts/accounts.repository.js';
import type { BrokerTrade } from '../trades/broker-trades.repository.js';
import type { Opening } from '../trades/openings.repository.js';
import { secondsBetween } from '../trades/trade-times.js';
import type { ToldOrder, ToldPosition } from './told.js';

/** What is gone must be gone from a second report, this much later: brokers' lists flicker, and facts travel. */
export const SECOND_LOOK_SECONDS = 10;

export type Trade = BrokerTrade;

/** A row of what was held or worked before this report. */
export interface KnownRow {
  id: string;
  key: string;
  trade_id: string | null;
  /** Of the last report that changed it. */
  as_of: string;
  missing_since: string | null;
}

export interface KnownPosition extends KnownRow {
  symbol: string;
  exchange: string | null;
  product: string | null;
  differs_since: string | null;
  mismatch_since: string | null;
}

export interface Known {
  trades: readonly Trade[];
  positions: readonly KnownPosition[];
  orders: readonly (KnownRow & { role: 'entry' | 'protective' })[];
  /** By tag: what the gate let through, and no trade carries. */
  openings: ReadonlyMap<string, Opening>;
}

export interface Report {
  asOf: string;
  complete: boolean;
  marginMode: MarginMode;
  /** What the broker did of late has just been told too: a difference that remains is none of that. */
  withDeals: boolean;
  /** Who reports; and which agents of the account the magic numbers are. */
  agentId: string;
  agentOfMagic: ReadonlyMap<string, string>;
  positions: readonly ToldPosition[];
  orders: readonly ToldOrder[];
}

/** Whether what was first seen then has lasted to a second report. */
export const lasts = (since: string | null, asOf: string, seconds = SECOND_LOOK_SECONDS): boolean => since !== null && secondsBetween(since, asOf) >= seconds;

/** The agent whose magic number it has, else who reports it. */
export const ownerOf = ({ agentId, agentOfMagic }: Report, { magic }: { magic?: string | null | undefined }): string => (magic == null ? undefined : agentOfMagic.get(magic)) ?? agentId;
