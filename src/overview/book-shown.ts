import type { Decimal } from 'decimal.js';
import type { LossFloor } from '../circuit-breaker/loss-floors.js';
import type { BookFloors } from '../circuit-breaker/loss-floors.service.js';
import { Exact } from '../common/decimal.js';
import type { FigureTerms } from '../instruments/figures.js';
import { conversion } from '../instruments/rates.js';
import type { Terms } from '../instruments/terms.js';
import type { HaltInForce } from '../kill-switch/halts-shown.repository.js';
import type { Bound } from '../limits/effective-limits.js';
import { type BookRow, ratesOf } from '../risk/exposure.repository.js';
import type { BookExposure } from '../risk/exposure.service.js';
import { known, stateOf, unknown } from './held-shown.js';
import type { BookDay } from './overview.repository.js';
import type { Book, Figure, Word } from './overview.schemas.js';

export interface BookParts {
  exposure: { row: BookRow; shown: BookExposure };
  floors: BookFloors | undefined;
  day: BookDay | undefined;
  halts: readonly HaltInForce[];
  opens: boolean;
  breakers: Book['breakers'];
  now: string;
}

/** Of three heartbeats a minute: after six that were missed. */
const STALE_SECONDS = 90;
const WORD_OF = { reduce: 'REDUCING', halt: 'HALTED', flatten: 'HALTED' } as const satisfies Record<HaltInForce['mode'], Word>;

/** Those that hold all of a book. */
export const holdBook = (halt: HaltInForce, accountId: string, mode: string): boolean =>
  (halt.execution_mode === null || halt.execution_mode === mode) && (halt.scope_type === 'global' || (halt.scope_type === 'account' && halt.scope_id === accountId));

/** @param opens whether the limits for everybody let agents open; without that it is as under a halt of mode reduce */
export function wordOf(halts: readonly Pick<HaltInForce, 'mode'>[], opens = true): Word {
  const words: Word[] = [...halts.map(({ mode }) => WORD_OF[mode]), ...(opens ? [] : ['REDUCING' as const])];
  return words.includes('HALTED') ? 'HALTED' : words.includes('REDUCING') ? 'REDUCING' : 'TRADING';
}

export function toBook({ exposure: { row, shown }, floors, day, halts, opens, breakers, now }: BookParts): Book {
  const holding = halts.filter((halt) => holdBook(halt, row.account_id, row.execution_mode));
  const isTold = day?.equity != null;
  const isAssumed = !isTold && floors?.equity != null;
  const untold = isAssumed ? 'nobody reports it; the breakers go by deals on an assumed balance' : 'nobody has reported it since the trading day began';
  const equity = isTold && floors?.equity != null ? known(floors.equity) : unknown(untold);
  const told = (value: string | null | undefined): Figure => (value == null ? unknown('no agent reports it') : known(value));
  const age = day?.reported_at == null ? null : Math.max(0, Math.floor((Date.parse(now) - Date.parse(day.reported_at)) / 1_000));
  const shownFloors = shownOf(floors?.floors ?? [], isAssumed ? untold : null);
  const rolloverAt = day?.rollover_at ?? now;
  return {
    id: row.account_id, name: row.name, mode: row.execution_mode, kind: day?.kind ?? 'paper', currency: row.currency, word: wordOf(holding, opens),
    equity, balance: day?.balance == null ? unknown(untold) : known(day.balance), asOf: day?.reported_at ?? null, ageSeconds: age, isStale: age === null || age > STALE_SECONDS, isAssumed,
    floatingProfit: floatingOf(day), marginUsed: told(day?.margin), marginFree: told(day?.margin_free),
    dayProfit: floors?.dayProfit == null ? unknown('the equity, or what the day is measured from, is not known') : known(floors.dayProfit),
    floors: shownFloors, nearestFloorMoneyLeft: nearestOf(shownFloors), rolloverAt, minutesToRollover: Math.max(0, Math.floor((Date.parse(rolloverAt) - Date.parse(now)) / 60_000)),
    exposure: exposureOf(row, shown, now), openTrades: shown.trades + shown.reservations, openRisk: figureOf(shown.openRisk, shown),
    halts: holding.map(({ id, scope_type: scope, scope_id: scopeId, mode, reason, breaker }) => ({ id, scope, scopeId, mode, reason, breaker })), breakers, nextEnd: nextEndOf(row, Date.parse(now)),
  };
}

/** What agents report, else the sum of what the broker shows where each position says it. */
function floatingOf(day: BookDay | undefined): Figure {
  if (day?.floating != null) return known(day.floating);
  if (!day || day.positions === 0) return unknown('no agent reports it');
  return day.positions_profit !== null && day.priced === day.positions ? known(day.positions_profit) : unknown(`its broker told it of ${day.priced} of ${day.positions} positions`);
}

function shownOf(floors: readonly LossFloor[], assumed: string | null): Book['floors'] {
  const left = floors.map(({ moneyLeft }) => moneyLeft).filter((value) => value !== null);
  const least = left.length === 0 || floors.some(({ status }) => status === 'unknown') ? null : Exact.min(...left);
  const nearest = floors.find(({ moneyLeft }) => least !== null && moneyLeft !== null && least.eq(moneyLeft));
  return floors.map((floor) => {
    const figure = (value: string | null): Figure => (value === null ? unknown(floor.why ?? 'not known') : known(value));
    const { name, status, limit, floorEquity, moneyLeft } = floor;
    return { name, status, limit: figure(limit), floorEquity: assumed !== null && floorEquity !== null ? unknown(assumed) : figure(floorEquity), moneyLeft: figure(moneyLeft), isNearest: floor === nearest };
  });
}

function nearestOf(floors: Book['floors']): Figure {
  const unread = floors.find(({ status }) => status === 'unknown');
  if (unread) return unknown(`${unread.name === 'day' ? 'daily loss' : 'drawdown'}: ${unread.moneyLeft.why ?? 'not known'}`);
  return floors.find(({ isNearest }) => isNearest)?.moneyLeft ?? unknown('no loss limit is set');
}

const figureOf = (value: string | null, { unknown: why }: BookExposure): Figure => (value === null ? unknown(why.map(({ detail }) => detail).join('; ') || 'not known') : known(value));

function exposureOf(row: BookRow, shown: BookExposure, now: string): Book['exposure'] {
  const { limits } = shown;
  const symbols = shown.symbols.map((each) => ({ of: each.symbol, count: each.trades + each.reservations })).sort((one, other) => other.count - one.count);
  const nets = shown.netByCurrency === null || shown.netByUnderlying === null ? null : Object.entries({ ...shown.netByCurrency, ...shown.netByUnderlying }).map(([of, net]) => ({ of, net: new Exact(net).abs() })).sort((one, other) => other.net.cmp(one.net));
  const count = (name: string, of: string | null, actual: number, bounds: readonly Bound<number>[]): Book['exposure'][number] =>
    ({ name, of, unit: 'count', actual: known(String(actual)), ...limitOf(bounds.length === 0 ? [] : [new Exact(Math.min(...bounds.map(({ value }) => value)))]) });
  const amount = (name: string, of: string | null, actual: Figure, bounds: readonly Bound<string>[]): Book['exposure'][number] => {
    const ways = bounds.map((bound) => ({ bound, way: conversion(bound.currency ?? row.currency, row.currency, ratesOf(row.rates), now) }));
    const lost = ways.flatMap(({ way }) => (way.known ? [] : way.reasons.map(({ detail }) => detail)));
    const limit = lost.length > 0 ? { limit: null, limitWhy: lost.join('; ') } : limitOf(ways.flatMap(({ bound, way }) => (way.known ? [new Exact(bound.value).times(way.value.times).div(way.value.by)] : [])));
    return { name, of, unit: 'currency', actual, ...limit };
  };
  return [
    count('maxConcurrentTrades', null, shown.trades + shown.reservations, limits.maxConcurrentTrades as Bound<number>[]),
    count('maxTradesPerSymbol', symbols[0]?.of ?? null, symbols[0]?.count ?? 0, limits.maxTradesPerSymbol as Bound<number>[]),
    amount('maxGrossExposureAmount', null, figureOf(shown.grossNotional, shown), limits.maxGrossExposureAmount as Bound<string>[]),
    amount('maxNetCurrencyExposureAmount', nets?.[0]?.of ?? null, nets === null ? figureOf(null, shown) : known(nets[0]?.net.toFixed() ?? '0'), limits.maxNetCurrencyExposureAmount as Bound<string>[]),
    amount('maxOpenRiskAmount', null, figureOf(shown.openRisk, shown), limits.maxOpenRiskAmount as Bound<string>[]),
  ];
}

const limitOf = (limits: readonly Decimal[]): { limit: string | null; limitWhy: string | null } =>
  limits.length === 0 ? { limit: null, limitWhy: 'no limit is set' } : { limit: Exact.min(...limits).toDecimalPlaces(18).toFixed(), limitWhy: null };

/** Of what is held: when its contract ends, or the session that it is in. */
function nextEndOf({ held }: BookRow, now: number): Book['nextEnd'] {
  const instruments = new Map(held.map(({ holding }) => [`${holding.symbol} ${holding.exchange ?? ''}`, holding]));
  const ends = [...instruments.values()].flatMap(({ symbol, terms }) => {
    const { closesAt, sessions } = (terms ?? { closesAt: null, sessions: null }) as FigureTerms & Pick<Terms, 'closesAt' | 'sessions'>;
    const session = sessions === null ? null : stateOf(sessions, now);
    return [
      ...(closesAt !== null && Date.parse(closesAt) > now ? [{ at: closesAt, symbol, what: 'expiry' as const }] : []),
      ...(session?.open && session.nextChange ? [{ at: session.nextChange.toISOString(), symbol, what: 'session_end' as const }] : []),
    ];
  });
  return ends.sort((one, other) => Date.parse(one.at) - Date.parse(other.at))[0] ?? null;
}
