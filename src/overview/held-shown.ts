import { Exact } from '../common/decimal.js';
import type { Sessions } from '../instruments/terms.js';
import { inSession } from '../strategies/in-session.js';
import type { HeldRow } from './held.repository.js';
import { type Figure, type Overview, type ProblemKind, PROBLEMS } from './overview.schemas.js';

type Shown = Overview['openPositions'][number];
type Problem = Overview['problems'][number];
interface Wrong {
  kind: ProblemKind;
  detail: string;
  since: string | null;
}

/** Agents tell quotes and marks every few seconds; a figure by an older price is none to act on. */
const STALE_PRICE_SECONDS = 60;

export const known = (value: string): Figure => ({ value, why: null });
export const unknown = (why: string): Figure => ({ value: null, why });

const newest = (...times: (string | null)[]): string | null => times.filter((time) => time !== null).sort((one, other) => Date.parse(other) - Date.parse(one))[0] ?? null;

/** All that is wrong with something held, worst first. @param now milliseconds since 1970 */
function wrongWith(row: HeldRow, now: number): Wrong[] {
  const found: Wrong[] = [
    ...doubt(row), ...stop(row), ...closing(row), ...price(row, now),
    ...(row.is_external ? [{ kind: 'EXTERNAL' as const, detail: 'its broker holds it, and nobody told of it', since: row.opened_at }] : []),
    ...(row.mismatch_since !== null ? [{ kind: 'MISMATCH' as const, detail: 'its broker holds another size than our trades', since: row.mismatch_since }] : []),
  ];
  return found.sort((one, other) => PROBLEMS.indexOf(one.kind) - PROBLEMS.indexOf(other.kind));
}

function doubt({ status, missing_since: missing, updated_at }: HeldRow): Wrong[] {
  if (missing !== null) return [{ kind: 'MISSING', detail: 'its broker no longer shows it', since: missing }];
  return status === 'unknown' ? [{ kind: 'UNKNOWN', detail: 'nobody knows whether it is open', since: updated_at }] : [];
}

/** In live the broker's own stop counts, as for STOP_MISSING; elsewhere an agent may keep it. */
function stop(row: HeldRow): Wrong[] {
  if (row.trade_id === null || row.is_binary || !row.is_settled || row.has_protective || row.shown_stop !== null || row.missing_since !== null) return [];
  if (row.stop_loss !== null && !(row.execution_mode === 'live' && row.is_shown)) return [];
  return [{ kind: 'NO_STOP', detail: row.stop_loss === null ? 'it has no stop: its loss has no bound' : 'its stop is not at the broker', since: row.opened_at }];
}

const UNDER_WAY = ['queued', 'leased', 'waiting_for_market'];
const FAILED = ['failed', 'dead', 'unknown'];

function closing({ closure, close, status, agent_offline: offline, agent_retired: retired, updated_at }: HeldRow): Wrong[] {
  const underWay = close !== null && UNDER_WAY.includes(close.status);
  const since = closure?.wantedAt ?? close?.at ?? updated_at;
  const failed = (why: string): Wrong[] => [{ kind: 'CLOSE_FAILED', detail: `it is to be closed, and ${why}`, since }];
  if (close && FAILED.includes(close.status)) return failed(close.status === 'unknown' ? 'nobody knows what became of the last try' : `the last try failed${close.error === null ? '' : `: ${close.error}`}`);
  if (underWay && close.failures > 0) return failed(`${close.failures} ${close.failures === 1 ? 'try' : 'tries'} failed${close.error === null ? '' : `, the last: ${close.error}`}`);
  if (!closure && !underWay && status !== 'closing') return [];
  if (retired) return failed('its agent is retired');
  if (offline) return failed('its agent is offline');
  return [{ kind: 'CLOSING', detail: closure ? `it is being closed: ${closure.cause}` : 'it is being closed', since }];
}

function price(row: HeldRow, now: number): Wrong[] {
  const at = priceAsOf(row);
  if (at !== null && now - Date.parse(at) <= STALE_PRICE_SECONDS * 1_000) return [];
  if (!isOpen(row.sessions, now)) return [];
  return [{ kind: 'STALE_PRICE', detail: at === null ? 'nobody told a price of it' : `no price for ${Math.floor((now - Date.parse(at)) / 1_000)} s`, since: at }];
}

const priceAsOf = ({ marked_at, quoted_at }: HeldRow): string | null => newest(marked_at, quoted_at);

/** Where nobody told sessions, always: an alarm too many. */
function isOpen(sessions: Sessions | null, now: number): boolean {
  if (sessions === null) return true;
  return stateOf(sessions, now).open;
}

export function stateOf({ zone, windows, holidays, earlyCloses }: Sessions, now: number): ReturnType<typeof inSession> {
  const days = [...holidays.map((date) => ({ date, closed: true as const })), ...earlyCloses.map(({ date, at }) => ({ date, closesAt: at }))];
  return inSession(windows.map((window) => ({ ...window, zone })), days, new Date(now));
}

/** The newest that was told; without any, by the newest quote, as the gate counts it. */
function profitOf(row: HeldRow): { profit: Figure; profitAsOf: string | null } {
  const told = [[row.mark_profit, row.marked_at], [row.shown_profit, row.shown_at], [row.quote_profit, row.quoted_at]] as const;
  const [mark, shown, quote] = told.map(([value, at]) => (value === null || at === null ? null : { profit: known(new Exact(value).toDecimalPlaces(18).toFixed()), profitAsOf: at }));
  const best = mark && shown ? (Date.parse(mark.profitAsOf) >= Date.parse(shown.profitAsOf) ? mark : shown) : (mark ?? shown ?? quote);
  return best ?? { profit: unknown('nobody told it, and its price or the terms of its instrument are not known'), profitAsOf: null };
}

function whyNotClosed(row: HeldRow): string | null {
  if (row.trade_id === null) return row.is_external ? 'no trade claims it: close it at its broker' : 'several trades make it up: close those';
  if (row.agent_retired) return 'its agent is retired: nobody would take the command';
  if (new Exact(row.open_size).lte(0)) return 'nothing of it is open';
  if (new Exact(row.left_open).lte(0)) return 'commands under way close all of it';
  return null;
}

const place = ({ problems }: Shown): number => (problems[0] === undefined ? PROBLEMS.length : PROBLEMS.indexOf(problems[0]));

/** What is held with what is wrong first, and each thing that is wrong by itself. */
export function shownHeld(rows: readonly HeldRow[], now: string): { positions: Shown[]; problems: Problem[] } {
  const at = Date.parse(now);
  const problems: Problem[] = [];
  const positions = rows.map((row): Shown => {
    const wrong = wrongWith(row, at);
    const whyNot = whyNotClosed(row);
    const held = {
      tradeId: row.trade_id, positionId: row.position_id, agentId: row.agent_id, agent: row.agent, accountId: row.account_id, account: row.account, mode: row.execution_mode, currency: row.currency, symbol: row.symbol,
      direction: row.direction, outcome: row.outcome, status: row.status, openLots: row.open_size, entryPrice: row.entry_price, stopLoss: row.shown_stop ?? row.stop_loss, openedAt: row.opened_at, ...profitOf(row), priceAsOf: priceAsOf(row),
      canClose: whyNot === null, whyNot,
    };
    problems.push(...wrong.map((each) => ({ ...each, ...held })));
    return { ...held, problems: wrong.map(({ kind }) => kind), detail: wrong[0]?.detail ?? null };
  });
  return { positions: positions.sort((one, other) => place(one) - place(other)), problems: problems.sort((one, other) => PROBLEMS.indexOf(one.kind) - PROBLEMS.indexOf(other.kind)) };
}
