import { z } from 'zod';
import { credentialIn } from '../auth/credentials.js';
import { reason } from '../auth/reason-field.js';
import { decimal, decimalText, fraction, jsonObject, name, text, uuid } from '../common/fields.js';
import { putBack } from '../common/http/put-back.js';
import { staleFields } from '../common/http/stale.js';
import { pageQuery } from '../common/pagination.js';
import { canonicalSymbol, type CanonicalSymbol, symbolKey } from '../instruments/canonical-symbol.js';
import { clockTime, day, isZone, windowEnd, writtenSymbol } from '../instruments/instruments.schemas.js';
import { WEEKDAYS } from '../instruments/terms.js';
import { narrowerLimits, shownNarrowerLimits } from '../limits/limit-fields.js';
import type { Holiday, SessionWindow } from './in-session.js';
import type { StrategyRow, StrategyVersionRow } from './strategies.repository.js';

const SYMBOLS_MAX = 500;
const WINDOWS_MAX = 50;
const HOLIDAYS_MAX = 400;
const CONDITIONS_BYTES_MAX = 16_384;
const YEAR_SECONDS = 31_536_000;
const WEEK_SECONDS = 604_800;
const HOUR_SECONDS = 3_600;


const zone = () => text(64).refine(isZone, { error: 'must be an IANA zone such as Europe/London' }).default('UTC').describe('IANA; UTC by default');
const days = () => z.array(z.enum(WEEKDAYS)).min(1).max(7).transform((given) => WEEKDAYS.filter((each) => given.includes(each)));

const sessionWindow = z.strictObject({ days: days(), from: clockTime(), to: windowEnd().describe('before `from`: on the next day; the window belongs to the day on which it began'), zone: zone() })
  .refine(({ from, to }) => from !== to, { path: ['to'], error: 'must be another time than `from`: a whole day is 00:00 to 24:00' });

const holiday = z.strictObject({ date: day().describe('in the zone of each window'), closed: z.literal(true).optional(), closesAt: clockTime().optional().describe('an early close') })
  .refine(({ closed, closesAt }) => (closed === undefined) !== (closesAt === undefined), { error: 'must say either closed: true or closesAt' })
  .transform(({ date, closesAt }): Holiday => (closesAt === undefined ? { date, closed: true } : { date, closesAt }));

/** Two that say different things of one day: which of them counts would be an accident. */
function eachDayOnce(holidays: Holiday[], context: z.RefinementCtx): void {
  holidays.forEach(({ date }, n) => {
    if (holidays.findIndex((each) => each.date === date) < n) context.addIssue({ code: 'custom', path: [n, 'date'], message: `${date} is there already` });
  });
}

/** Null takes a rule away, as if it were not there. */
const withoutNulls = <T extends object>(given: T) => Object.fromEntries(Object.entries(given).filter(([, value]) => value != null)) as { [K in keyof T]?: NonNullable<T[K]> };

const positive = () => decimal({ above: '0', max: '10000000000' });
const seconds = (min: number, max: number) => z.int().min(min).max(max);

/** Also for one trade, in place of its strategy's. */
export const exitRuleFields = {
  trailingDistance: positive().nullish().describe('in price'),
  maxHoldingSeconds: seconds(1, YEAR_SECONDS).nullish(),
  probabilityFloor: z.strictObject({ below: fraction(), verifySeconds: seconds(0, HOUR_SECONDS).describe('how long it has to stay below') }).nullish(),
  momentumSpike: positive().nullish().describe("against the trade, in the unit of the marks' momentum"),
  minSecondsToClose: seconds(0, WEEK_SECONDS).nullish().describe("before the instrument's closesAt"),
  flatBy: z.strictObject({ time: clockTime(), zone: zone(), days: days() }).nullish(),
};
const exitRules = z.strictObject(exitRuleFields).transform(withoutNulls);
export type ExitRules = z.output<typeof exitRules>;

/** For the agent's own code, and seen by every viewer. Nothing here reads it. */
const conditions = () => jsonObject(CONDITIONS_BYTES_MAX).superRefine((value, context) => {
  const place = credentialIn(value);
  if (place !== null) context.addIssue({ code: 'custom', path: place === '' ? [] : place.split('.'), message: 'looks like a credential: keep it with the agent' });
});

const riskCaps = z.strictObject(narrowerLimits).partial().transform(withoutNulls);

/** An empty list would be read as anything by one and as nothing by another. */
const NONE = 'must have at least 1 entry; null means any';

/** All that a strategy says. */
const content = {
  name: name(100),
  isActive: z.boolean().describe('false: no idea may name it'),
  allowedSymbols: z.array(writtenSymbol().transform((written) => symbolKey(canonicalSymbol(written) as CanonicalSymbol))).min(1, { error: NONE }).max(SYMBOLS_MAX)
    .transform((symbols) => [...new Set(symbols)]).nullable().describe('in any spelling, kept canonical; null: any'),
  sessionWindows: z.array(sessionWindow).min(1, { error: NONE }).max(WINDOWS_MAX).nullable().describe('null: at any time'),
  entryConditions: conditions().describe("checked by the agent's own code; nothing here reads them"),
  exitRules,
  forbiddenConditions: conditions().describe("checked by the agent's own code; what is refused here stands in riskCaps, allowedSymbols and sessionWindows"),
  riskCaps: riskCaps.describe('limits that can only tighten; amounts in BASE_CURRENCY'),
  rrExpectation: decimal({ min: '0', max: '1000' }).nullable().describe('reward to risk that is expected'),
};
const holidays = z.array(holiday).max(HOLIDAYS_MAX).superRefine(eachDayOnce);

export const createStrategySchema = z.strictObject({
  name: content.name, isActive: content.isActive.default(true), allowedSymbols: content.allowedSymbols.optional(), sessionWindows: content.sessionWindows.optional(),
  holidays: holidays.optional(), entryConditions: content.entryConditions.optional(), exitRules: exitRules.optional(), forbiddenConditions: content.forbiddenConditions.optional(),
  riskCaps: riskCaps.optional(), rrExpectation: content.rrExpectation.optional(), reason: reason().nullish(),
});
export const retireSchema = z.strictObject({ reason: reason().nullish() });
export const strategyParam = z.strictObject({ strategyId: uuid() });

const flag = () => z.enum(['true', 'false']).transform((value) => value === 'true');
export const strategiesQuery = z.strictObject({ ...pageQuery, name: text(100).optional(), isActive: flag().optional(), retired: flag().optional() });
export const versionsQuery = z.strictObject(pageQuery);

export interface StrategyContent {
  name: string;
  isActive: boolean;
  allowedSymbols: string[] | null;
  sessionWindows: SessionWindow[] | null;
  holidays: Holiday[];
  entryConditions: Record<string, unknown>;
  exitRules: ExitRules;
  forbiddenConditions: Record<string, unknown>;
  riskCaps: z.output<typeof riskCaps>;
  rrExpectation: string | null;
}

const shownCaps = z.object(shownNarrowerLimits).partial().meta({ id: 'RiskCaps' });
const shownDays = z.array(z.enum(WEEKDAYS));
export const shownExitRules = z.object({
  trailingDistance: decimalText().optional(), maxHoldingSeconds: z.int().optional(), probabilityFloor: z.object({ below: decimalText(), verifySeconds: z.int() }).optional(),
  momentumSpike: decimalText().optional(), minSecondsToClose: z.int().optional(), flatBy: z.object({ time: z.string(), zone: z.string(), days: shownDays }).optional(),
});
const shown = {
  name: z.string(), isActive: z.boolean(), allowedSymbols: z.array(z.string()).nullable(),
  sessionWindows: z.array(z.object({ days: shownDays, from: z.string(), to: z.string(), zone: z.string() })).nullable(),
  holidays: z.array(z.object({ date: z.string(), closed: z.literal(true).optional(), closesAt: z.string().optional() })),
  entryConditions: z.record(z.string(), z.unknown()),
  exitRules: shownExitRules,
  forbiddenConditions: z.record(z.string(), z.unknown()),
  riskCaps: shownCaps,
  rrExpectation: decimalText().nullable(),
};

export const strategySchema = z.object({
  id: z.uuid(), version: z.int(), ...shown, currency: z.string().describe('of the amounts among the riskCaps'), retired: z.boolean(), retiredAt: z.iso.datetime().nullable(), createdAt: z.iso.datetime(), updatedAt: z.iso.datetime(), updatedBy: z.string(),
}).meta({ id: 'Strategy' });
/** Whole: a cap or a window that was left out by mistake must not be taken away by it. */
export const putStrategySchema = putBack(z.strictObject({ ...content, holidays: holidays.optional().describe('kept when left out'), reason: reason().nullish() }), strategySchema);
export const readStrategySchema = strategySchema.extend(staleFields).meta({ id: 'StrategyRead' });

export const strategyVersionSchema = z.object({
  version: z.int(), content: z.object({ ...shown, currency: z.string(), retired: z.boolean() }), changed: z.array(z.string()).describe('which fields differ from the version before'),
  reason: z.string().nullable(), actor: z.string(), recordedAt: z.iso.datetime(),
}).meta({ id: 'StrategyVersion' });

export const toContent = (row: StrategyRow): StrategyContent => ({
  name: row.name, isActive: row.is_active, allowedSymbols: row.allowed_symbols, sessionWindows: row.session_windows, holidays: row.holidays,
  entryConditions: row.entry_conditions, exitRules: row.exit_rules, forbiddenConditions: row.forbidden_conditions, riskCaps: row.risk_caps, rrExpectation: row.rr_expectation,
});

export const toStrategy = (row: StrategyRow) => ({
  id: row.id, version: row.version, ...toContent(row), currency: row.currency, retired: row.retired_at !== null, retiredAt: row.retired_at, createdAt: row.created_at, updatedAt: row.updated_at, updatedBy: row.updated_by,
});

export const toVersion = (row: StrategyVersionRow) => ({
  version: row.version, content: row.content, changed: row.changed, reason: row.reason, actor: row.actor, recordedAt: row.recorded_at,
});
