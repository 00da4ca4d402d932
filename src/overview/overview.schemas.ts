import { z } from 'zod';
import { EXECUTION_MODES } from '../accounts/account-days.repository.js';
import { ACCOUNT_KINDS } from '../accounts/accounts.repository.js';
import { desiredStateSchema, STATUSES } from '../agents/agents.schemas.js';
import { BREAKER_NAMES, SCOPE_TYPES } from '../circuit-breaker/breakers.js';
import { breakerStateSchema } from '../circuit-breaker/circuit-breakers.schemas.js';
import { COMMAND_STATUSES } from '../commands/command-state.js';
import { decimalText } from '../common/fields.js';
import { HALT_MODES, HALT_SCOPES, HALT_SOURCES } from '../halts/halt-rows.js';
import { incidentSchema } from '../incidents/incidents.schemas.js';
import { OUTCOMES, TRADE_DIRECTIONS } from '../trades/trade-fields.js';
import { TRADE_STATUSES } from '../trades/trade-state.js';

export const POSITIONS_MOST = 200;
export const INCIDENTS_MOST = 20;
export const AGENTS_MOST = 200;
export const ACCOUNTS_MOST = 200;
/** So many of what is open are looked at, those that are likely to be wrong first. */
export const LOOKED_AT_MOST = 1_000;
export const HALTS_MOST = 100;
export const WORDS = ['TRADING', 'REDUCING', 'HALTED'] as const;
export type Word = (typeof WORDS)[number];
/** Worst first. */
export const PROBLEMS = ['UNKNOWN', 'CLOSE_FAILED', 'NO_STOP', 'MISSING', 'EXTERNAL', 'MISMATCH', 'STALE_PRICE', 'CLOSING'] as const;
export type ProblemKind = (typeof PROBLEMS)[number];
export const UNITS = ['currency', 'count'] as const;

const time = () => z.iso.datetime().nullable();
const words = () => z.string().nullable();

/** Of an amount in the currency of its account. */
const figureSchema = z.object({
  value: decimalText().nullable(), why: words().describe('why it is not known, in words; null when it is'),
}).meta({ id: 'Figure', description: 'a figure, or why it is not known: never 0 in its place' });
const figure = () => figureSchema;

const floorSchema = z.object({
  name: z.enum(['day', 'drawdown']), status: z.enum(['known', 'no_limit', 'unknown']),
  limit: figure().describe('what may be lost from where it is measured'), floorEquity: figure().describe('the equity at which it trips'),
  moneyLeft: figure().describe('equity less floorEquity; below 0: beyond it'), isNearest: z.boolean(),
});

const haltBrief = z.object({ id: z.uuid(), scope: z.enum(HALT_SCOPES), scopeId: words(), mode: z.enum(HALT_MODES), reason: z.string(), breaker: words() });
const breakerBrief = breakerStateSchema.omit({ samples: true }).extend({
  name: z.enum(BREAKER_NAMES), scope: z.object({ type: z.enum(SCOPE_TYPES), id: words(), name: words() }),
  value: decimalText().nullable().describe('when the state began; as of now: GET /circuit-breakers'), limit: decimalText().nullable().describe('then'), since: z.iso.datetime(),
});

export const bookSchema = z.object({
  id: z.uuid().describe('of the account'), name: z.string(), mode: z.enum(EXECUTION_MODES), kind: z.enum(ACCOUNT_KINDS), currency: z.string(),
  word: z.enum(WORDS).describe('by the halts of everything and of this account; halts of one agent, symbol or strategy leave it'),
  equity: figure(), balance: figure(),
  asOf: time().describe('of the report that equity and balance are from'), ageSeconds: z.int().nullable(), isStale: z.boolean().describe('nobody has reported for 90 s'),
  isAssumed: z.boolean().describe('nobody reports, outside live: dayProfit and floors go by deals and marks on an assumed balance, as the breakers do'),
  floatingProfit: figure(), marginUsed: figure(), marginFree: figure(), dayProfit: figure().describe('equity less what the day is measured from'),
  floors: z.array(floorSchema), nearestFloorMoneyLeft: figure().describe('not known as soon as one floor is not'),
  rolloverAt: z.iso.datetime(), minutesToRollover: z.int(),
  exposure: z.array(z.object({
    name: z.string().describe('of the limit'), of: words().describe('the currency, underlying or symbol that is nearest its limit; null: the whole account'), unit: z.enum(UNITS),
    actual: figure(), limit: decimalText().nullable().describe('in unit; null: no limit, or not known'), limitWhy: words(),
  })),
  openTrades: z.int().describe('that are not over, with reservations'), openRisk: figure().describe('what is lost when every stop is hit'),
  halts: z.array(haltBrief).describe('that make the word'), breakers: z.array(breakerBrief).describe('of this account in this mode that are not active'),
  nextEnd: z.object({ at: z.iso.datetime(), symbol: z.string(), what: z.enum(['expiry', 'session_end']) }).nullable().describe('the next of an instrument that is held; null: none that anybody told'),
}).meta({ id: 'OverviewAccount' });

const heldShape = {
  tradeId: z.uuid().nullable().describe('null: of a position that no trade claims'), positionId: z.uuid().nullable(), agentId: z.uuid(), agent: z.string(), accountId: z.uuid(), account: z.string(),
  mode: z.enum(EXECUTION_MODES), currency: z.string(), symbol: z.string(), direction: z.enum(TRADE_DIRECTIONS), outcome: z.enum(OUTCOMES).nullable().describe('of a binary contract'), status: z.enum(TRADE_STATUSES).nullable(), openLots: decimalText(), entryPrice: decimalText().nullable(),
  stopLoss: decimalText().nullable(), openedAt: time(), profit: figure().describe('floating, by the newest mark or what its broker shows'), profitAsOf: time(), priceAsOf: time().describe('of the newest quote or mark'),
  canClose: z.boolean().describe('a command may be queued that closes it'), whyNot: words(),
};

const problemSchema = z.object({ kind: z.enum(PROBLEMS), detail: z.string(), since: time(), ...heldShape }).meta({ id: 'OverviewProblem' });
const openPositionSchema = z.object({ ...heldShape, problems: z.array(z.enum(PROBLEMS)).describe('worst first'), detail: words().describe('of the worst') }).meta({ id: 'OverviewPosition' });

const agentSchema = z.object({
  id: z.uuid(), name: z.string(), mode: z.enum(EXECUTION_MODES), accountId: z.uuid(), account: z.string(), currency: z.string(), liveness: z.enum(['online', 'suspect', 'offline']),
  canTrade: z.boolean(), whyNot: words(), status: z.enum(STATUSES), wanted: desiredStateSchema, observedStateVersion: z.int().nullable(), hasObserved: z.boolean().describe('it has said the version of what is wanted'),
  tradingLeaseEndsAt: time(), openPositions: z.int().describe('trades that are open, closing or unknown'), profitToday: figure().describe('net, of trades closed since the rollover'),
  commandInFlight: z.object({ id: z.uuid(), type: z.string(), status: z.enum(COMMAND_STATUSES), since: z.iso.datetime() }).nullable(), commandsOpen: z.int().describe('queued, leased or waiting; counted to 1,000'),
  lastSeenAt: time(), agentVersion: words(), errorMessage: words(),
});

const haltSchema = z.object({
  id: z.uuid(), scope: z.object({ type: z.enum(HALT_SCOPES), id: words(), name: words() }), executionMode: z.enum(EXECUTION_MODES).nullable(), mode: z.enum(HALT_MODES), reason: z.string(), source: z.enum(HALT_SOURCES),
  breaker: words(), since: z.iso.datetime(), by: z.string(), effectiveAt: time(), observed: z.object({ agents: z.int().describe('in its scope'), seen: z.int() }), endsBy: z.string().describe('what ends it, in words'), expiresAt: time(),
});

export const overviewSchema = z.object({
  serverTime: z.iso.datetime(),
  light: z.object({
    word: z.enum(WORDS).describe('by what holds everything; REDUCING also while aiTradingEnabled is false for everybody; also where each account in use is held by itself: the mildest of them'), reasons: z.array(z.string()).describe('whose, in words; also what holds one account, agent, symbol or strategy alone'), since: time().describe('null: TRADING, or no halt but the limits alone'),
  }),
  accounts: z.array(bookSchema).describe(`one for each account and execution mode in use, of the ${ACCOUNTS_MOST} oldest accounts: nothing sums over them`),
  problems: z.array(problemSchema).describe(`worst first, ${POSITIONS_MOST} at most`), problemsTotal: z.int().describe(`of the ${LOOKED_AT_MOST} positions that were looked at, likely ones first`),
  openPositions: z.array(openPositionSchema).describe(`with what is wrong first, ${POSITIONS_MOST} at most`), openPositionsTotal: z.int(),
  halts: z.array(haltSchema).describe(`in force, those of everything and of accounts first, then the newest; ${HALTS_MOST} at most`), haltsTotal: z.int(),
  breakers: z.array(breakerBrief.extend({ account: words() })).describe('in warning, tripped, cooling down or testing, with what would reset them; 500 at most'),
  agents: z.array(agentSchema).describe(`that are not retired, the ${AGENTS_MOST} oldest`), agentsTotal: z.int(),
  incidents: z.object({
    open: z.object({ critical: z.int(), warning: z.int(), info: z.int() }), acknowledged: z.object({ critical: z.int(), warning: z.int(), info: z.int() }), newest: z.array(incidentSchema).describe(`open, ${INCIDENTS_MOST} at most`),
  }),
  waiting: z.object({ ideasNeedingApproval: z.int(), quarantinedAlerts: z.int().describe('counted to 10,000'), unknownCommands: z.int().describe('counted to 10,000') }),
  queue: z.object({ depth: z.int().describe('that wait to be taken; counted to 10,000'), oldestSeconds: z.int().nullable().describe('of those that are due; null: none is'), inFlight: z.int() }),
}).meta({ id: 'Overview' });

export type Overview = z.output<typeof overviewSchema>;
export type Book = z.output<typeof bookSchema>;
export type Figure = z.output<typeof figureSchema>;
