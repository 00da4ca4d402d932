import { DECIMAL_PLACES_MAX, Exact } from '../common/decimal.js';
import { strictestState } from '../halts/strictest.js';
import type { HaltOnAgent } from '../halts/halt-rows.js';
import type { EffectiveLimits } from '../limits/effective-limits.js';
import { POSITIONS_SECONDS_MOST } from '../agents/liveness.js';
import type { CheckName } from './agent-check.schemas.js';

export interface Check {
  name: CheckName;
  /** Null: not known, or of no account in this mode. */
  ok: boolean | null;
  detail: string;
}

/** What is looked at; times and ages by the database's clock. */
export interface CheckFacts {
  now: string;
  mode: 'simulation' | 'paper' | 'live';
  retired: boolean;
  run: string;
  run_reason: { code: string } | null;
  status: string;
  /** In force on the agent. */
  halts: HaltOnAgent[] | null;
  state_version: number;
  observed_state_version: number | null;
  instance_id: string | null;
  lease_seconds: string | null;
  account: string;
  account_mismatch: string[] | null;
  /** Null: it never said what its terminal is logged in to. */
  told_account: object | null;
  broker_connected: boolean | null;
  trade_allowed: boolean | null;
  /** Since the last complete report of this run; null: none. */
  positions_seconds: string | null;
  /** Null: it has none that is good. */
  key: { name: string; scopes: string[]; expires_at: string | null; rate_limit_per_second: number | null } | null;
  /** What is asked about, and whether the account's list knows it. */
  symbols: { symbol: string; known: boolean; quote_seconds: string | null }[];
}

const SKEW = { aheadMs: 120_000, behindMs: 30_000 };
const SCOPES = ['commands', 'records', 'ideas'];
/** A key that ends within a day is told of. */
const EXPIRY_SOON_MS = 86_400_000;
const NAMED_MOST = 20;

const seconds = (text: string): string => `${new Exact(text).toDecimalPlaces(1).toFixed()} s`;
const named = (all: readonly string[]): string => `${all.slice(0, NAMED_MOST).join(', ')}${all.length > NAMED_MOST ? ` and ${all.length - NAMED_MOST} more` : ''}`;
const check = (name: CheckName, ok: boolean | null, detail: string): Check => ({ name, ok, detail });

/** What only the agent can say: its time, and the copy that asks. */
export interface OfItself {
  sentAt: string | null;
  instance: string | null;
}

/** @param itself null: a person asks for it */
export function checksOf(facts: CheckFacts, limits: EffectiveLimits, itself: OfItself | null): Check[] {
  return [
    ofKey(facts), itself ? ofClock(facts, itself.sentAt) : check('clock', null, 'a person asks: the agent compares its clock when it asks itself'),
    itself ? ofInstance(facts, itself.instance) : check('instance', null, 'a person asks: which copy of the agent runs shows when it asks itself'),
    ofAccount(facts), ofInstruments(facts), ofPositions(facts), ofBroker(facts), ofLease(facts), ofState(facts), ofLimits(limits),
  ];
}

function ofKey({ key, now }: CheckFacts): Check {
  if (key === null) return check('key', false, 'it has no key that is good: make one');
  const lacks = SCOPES.filter((scope) => !key.scopes.includes(scope));
  const left = key.expires_at === null ? null : Date.parse(key.expires_at) - Date.parse(now);
  const expiry = key.expires_at === null ? 'does not expire' : `expires at ${key.expires_at}${left !== null && left < EXPIRY_SOON_MS ? ', soon' : ''}`;
  const rate = key.rate_limit_per_second === null ? 'no limit of requests' : `${key.rate_limit_per_second} requests a second`;
  return check('key', !lacks.includes('ideas') && !lacks.includes('commands'), `${key.name}: scopes ${key.scopes.join(', ') || 'none'}${lacks.length === 0 ? '' : ` (lacks ${lacks.join(', ')})`}; ${expiry}; ${rate}`);
}

function ofClock({ now }: CheckFacts, sentAt: string | null): Check {
  if (sentAt === null) return check('clock', null, 'send sentAt to compare clocks');
  const ahead = Date.parse(sentAt) - Date.parse(now);
  const words = ahead === 0 ? '0 ms apart' : `${Math.abs(ahead)} ms ${ahead > 0 ? 'ahead of' : 'behind'} the server, the way here included`;
  return check('clock', ahead <= SKEW.aheadMs && -ahead <= SKEW.behindMs, `${words}; at most ${SKEW.aheadMs} ms ahead and ${SKEW.behindMs} ms behind`);
}

function ofInstance({ mode, instance_id: holder, lease_seconds: left }: CheckFacts, instance: string | null): Check {
  const holds = left !== null && new Exact(left).gt(0);
  if (instance === null) {
    return check('instance', mode === 'live' ? false : holder === null || !holds ? null : false, `no X-Instance-Id was sent${mode === 'live' ? ', and live takes one' : ''}${holds && holder !== null ? `; ${holder} holds the lease` : ''}`);
  }
  if (holds && holder !== instance) return check('instance', holder === null ? null : false, holder === null ? `${instance} is named; a copy without a name holds the lease` : `${holder} holds the lease, ${instance} gets nothing until it stops or is silent`);
  return check('instance', true, holds ? `${instance} holds the lease` : `${instance} is named, and nobody holds the lease: a heartbeat takes it`);
}

function ofAccount({ account, account_mismatch: differs, told_account: told, mode }: CheckFacts): Check {
  if (differs !== null && differs.length > 0) return check('account', false, `the terminal differs from ${account} in ${differs.join(', ')}`);
  if (told === null) return check('account', mode === 'live' ? false : null, `nobody told what the terminal is logged in to (brokerAccount of a heartbeat); it belongs to ${account}`);
  return check('account', true, `as ${account}`);
}

function ofInstruments({ symbols, mode }: CheckFacts): Check {
  if (symbols.length === 0) return check('instruments', null, 'no symbols were given, and the agent has none');
  const unknown = symbols.filter(({ known }) => !known).map(({ symbol }) => symbol);
  const unquoted = symbols.filter(({ quote_seconds: age }) => age === null).map(({ symbol }) => symbol);
  const rest = unquoted.length === 0 ? '' : `; no quote of ${named(unquoted)}`;
  if (unknown.length === 0) return check('instruments', true, `all ${symbols.length} are known${rest}`);
  return check('instruments', mode === 'live' ? false : null, `not in the account's list: ${named(unknown)}${mode === 'live' ? '' : ', so their terms are assumed'}${rest}`);
}

function ofPositions({ positions_seconds: age, mode }: CheckFacts): Check {
  if (age === null) return check('positions', mode === 'live' ? false : null, 'no complete report of positions since the agent started');
  return check('positions', new Exact(age).lte(POSITIONS_SECONDS_MOST), `the last complete report is ${seconds(age)} old; at most ${POSITIONS_SECONDS_MOST} s`);
}

function ofBroker({ broker_connected: connected, trade_allowed: allowed, mode }: CheckFacts): Check {
  const say = (value: boolean | null) => (value === null ? 'not told' : value ? 'yes' : 'no');
  const isWell = connected === false || allowed === false ? false : connected === null || allowed === null ? (mode === 'live' ? false : null) : true;
  return check('broker', isWell, `connected: ${say(connected)}; trading allowed: ${say(allowed)}`);
}

function ofLease({ lease_seconds: left }: CheckFacts): Check {
  if (left === null || new Exact(left).lte(0)) return check('lease', false, 'no trading lease: send a heartbeat');
  return check('lease', true, `${seconds(left)} left of the trading lease`);
}

function ofState({ retired, run, run_reason: why, status, halts, state_version: version, observed_state_version: observed }: CheckFacts): Check {
  const state = strictestState(halts ?? []);
  const held = (halts ?? []).map(({ id, scope, scopeId, mode, reason, breaker }) => `${mode} of ${scope}${scopeId === null ? '' : ` ${scopeId}`}${breaker === null ? '' : ` by the circuit breaker ${breaker}`}: ${reason} [${id}]`);
  const isWell = !retired && run === 'running' && status === 'running' && state === 'active';
  return check('state', isWell, [
    `${retired ? 'retired, ' : ''}${state}, to be ${run}${why === null ? '' : ` (${why.code})`}, says ${status}`, `version ${version}, observed ${observed ?? 'none'}`, ...held,
  ].join('; '));
}

function ofLimits(limits: EffectiveLimits): Check {
  const each = Object.entries(limits).flatMap(([name, bounds]) => bounds.map(({ value, from, currency }) => `${name} ${String(value)}${currency === null ? '' : ` ${currency}`} (${from})`));
  const enabled = limits.aiTradingEnabled.every(({ value }) => value);
  return check('limits', enabled, each.length === 0 ? 'none' : each.join(', '));
}

/** How far from the price a probe's stop lies: so much of it, and so many spreads at least. */
const STOP = { fraction: '0.01', spreads: 4 };

export interface ProbeFacts {
  symbol: string;
  bid: string;
  ask: string;
  min_size: string | null;
  tick_size: string | null;
  is_binary: boolean;
}

export interface Probe {
  lotSize: string;
  stopLoss: string;
  takeProfit: string | null;
  outcome: 'yes' | null;
}

/**
 * The smallest size, long, at the market, with a stop below, and a target that no limit of reward to risk refuses: what stops it is
 * the agent, its account or what they hold.
 * @param reward the least reward to risk that is asked for; null: none
 */
export function probeOf({ bid, ask, min_size: size, tick_size: tick, is_binary: isBinary }: ProbeFacts, reward: string | null): Probe {
  const price = new Exact(ask);
  const wanted = Exact.max(price.times(STOP.fraction), price.minus(bid).times(STOP.spreads));
  const onTick = (value: InstanceType<typeof Exact>) => (tick === null || new Exact(tick).lte(0) ? value : value.div(tick).floor().times(tick));
  const below = onTick(price.minus(wanted));
  const stop = below.gt(0) ? below : price.div(2);
  const target = onTick(price.plus(price.minus(stop).times(new Exact(reward ?? 0).plus(1))));
  return {
    lotSize: size ?? '0.01', stopLoss: stop.toDecimalPlaces(DECIMAL_PLACES_MAX).toFixed(), takeProfit: isBinary ? null : target.toDecimalPlaces(DECIMAL_PLACES_MAX).toFixed(), outcome: isBinary ? 'yes' : null,
  };
}
