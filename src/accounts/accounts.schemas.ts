import { z } from 'zod';
import { credentialIn } from '../auth/credentials.js';
import { decimal, decimalText, name, text, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { type BookRow, EXECUTION_MODES } from './account-days.repository.js';
import { ACCOUNT_KINDS, type AccountRow, MARGIN_MODES } from './accounts.repository.js';

/** Where the broker keeps the account. Every viewer sees it. */
const server = () => name(200).refine((given) => credentialIn(given) === null, { error: 'looks like a credential' });

/** No colon: the hash is of `server:login`, and must not read two ways. Brokers number accounts, and JSON may send that as a number. */
const login = () =>
  z.union([z.string().trim(), z.int().min(1)], { error: 'must be the account\'s login, as text or as a whole number' }).transform(String)
    .refine((given) => /^[\x21-\x39\x3b-\x7e]{1,64}$/.test(given), { error: 'must be 1 to 64 visible ASCII characters without a colon' })
    .describe('hashed with the server at once, and stored nowhere');

/** So much of a login may be shown. */
const VISIBLE_MOST = 4;

const loginMasked = () => z.string().trim().max(64).refine((given) => /\*/.test(given) && /^[\x21-\x7e]+$/.test(given) && given.replaceAll('*', '').length <= VISIBLE_MOST, {
  error: `must hide the login with *, and show ${VISIBLE_MOST} characters at most`,
});

const tradingDay = () => z.strictObject({
  zone: text(64).describe('IANA name, such as Europe/Prague'),
  rollover: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: 'must be a local time from 00:00 to 23:59, such as 17:00' }).describe('when the day begins in that zone, HH:MM'),
});

const currency = () => z.string().regex(/^[A-Z]{3,10}$/, { error: 'must be a currency code such as USD' });
const initialBalance = () => decimal({ min: '0' });

const loginFields = {
  login: login().optional(),
  loginHash: z.string().regex(/^[0-9a-f]{64}$/, { error: 'must be the hex SHA-256 of server:login' }).optional().describe('in place of login, for who keeps that to himself'),
  loginMasked: loginMasked().optional().describe('made from login where that is given'),
};

export const NEEDS_SERVER = 'needs the server, which is hashed with it';

interface GivenLogin {
  login?: string | undefined;
  loginHash?: string | undefined;
  loginMasked?: string | undefined;
}

function oneLogin({ login: given, loginHash, loginMasked: shown }: GivenLogin, context: z.RefinementCtx): void {
  const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
  if (given !== undefined && loginHash !== undefined) refuse('loginHash', 'is made from login: send one of them');
  if (given !== undefined && shown !== undefined) refuse('loginMasked', 'is made from login: send one of them');
  if (given === undefined && loginHash === undefined && shown !== undefined) refuse('loginMasked', 'goes with the loginHash that it stands for');
}

export const createAccountSchema = z.strictObject({
  name: name(100), kind: z.enum(ACCOUNT_KINDS), currency: currency(), marginMode: z.enum(MARGIN_MODES), broker: name(100).nullish(), server: server().nullish(),
  ...loginFields, tradingDay: tradingDay().optional().describe('UTC, 00:00 unless said'), initialBalance: initialBalance().nullish(),
}).superRefine(oneLogin).superRefine((account, context) => {
  if (account.server != null) return;
  for (const path of ['login', 'loginHash'] as const) if (account[path] !== undefined) context.addIssue({ code: 'custom', path: [path], message: NEEDS_SERVER });
});

export const changeAccountSchema = z.strictObject({
  name: name(100).optional(), kind: z.enum(ACCOUNT_KINDS).optional(), currency: currency().optional(), marginMode: z.enum(MARGIN_MODES).optional(),
  broker: name(100).nullable().optional(), server: server().optional(), ...loginFields, tradingDay: tradingDay().optional(),
  initialBalance: initialBalance().nullable().optional(),
}).superRefine(oneLogin);

export const accountParam = z.strictObject({ accountId: uuid() });
export const accountsQuery = z.strictObject({ ...pageQuery, name: text(100).optional(), kind: z.enum(ACCOUNT_KINDS).optional() });

export const accountSchema = z.object({
  id: z.uuid(), name: z.string(), kind: z.enum(ACCOUNT_KINDS), currency: z.string(), marginMode: z.enum(MARGIN_MODES), broker: z.string().nullable(),
  server: z.string().nullable(), loginMasked: z.string().nullable(), loginHash: z.string().nullable().describe('hex SHA-256 of server:login'),
  tradingDay: z.object({ zone: z.string(), rollover: z.string() }), initialBalance: decimalText().nullable(), createdAt: z.iso.datetime(), updatedAt: z.iso.datetime(),
}).meta({ id: 'Account' });

export const toAccount = (row: AccountRow): z.output<typeof accountSchema> => ({
  id: row.id, name: row.name, kind: row.kind, currency: row.currency, marginMode: row.margin_mode, broker: row.broker, server: row.server,
  loginMasked: row.login_masked, loginHash: row.login_hash, tradingDay: { zone: row.zone, rollover: row.rollover }, initialBalance: row.initial_balance,
  createdAt: row.created_at, updatedAt: row.updated_at,
});

const peak = (meaning: string) => decimalText().nullable().describe(`${meaning}; with the money that came and went since, and at least the initialBalance. Null when neither is known`);

export const accountDetailSchema = accountSchema.extend({
  books: z.array(z.object({
    executionMode: z.enum(EXECUTION_MODES),
    peakEquity: peak('the highest that three reports in a row held: a jump counts with the second report after it'),
    peakDayEndBalance: peak('the highest with which a trading day ended'),
  })).describe('one for each execution mode in which anything was reported'),
}).meta({ id: 'AccountDetail' });

export const toAccountDetail = (row: AccountRow, books: readonly BookRow[]): z.output<typeof accountDetailSchema> => ({
  ...toAccount(row),
  books: books.map(({ execution_mode, peak_equity, peak_day_end_balance }) => ({ executionMode: execution_mode, peakEquity: peak_equity, peakDayEndBalance: peak_day_end_balance })),
});
