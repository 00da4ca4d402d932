import { z } from 'zod';
import { decimal, decimalText, fraction, lotSize, name, SYMBOL_FORM, symbol, text, uuid } from '../../common/fields.js';
import { pageQuery } from '../../common/pagination.js';
import { isAddressRule, TRADINGVIEW } from './address-list.js';
import { ACTIONS, mappingSchema } from '../mapping/declared-mapping.js';
import { SOURCE_ACTIONS, type SourceRow, toSource } from './sources.repository.js';

export const sourceParam = z.strictObject({ sourceId: uuid() });

const SYMBOLS_MOST = 500;
const ADDRESSES_MOST = 100;
const OVERLAP_MOST_SECONDS = 30 * 86_400;

const symbols = () => z.record(z.string().trim().regex(SYMBOL_FORM, { error: 'must be 1 to 64 letters, digits or ._-/=^#&!+:' }), symbol())
  .refine((known) => Object.keys(known).length <= SYMBOLS_MOST, { error: `names at most ${SYMBOLS_MOST} symbols` }).describe('what they call it to what we call it');

const addresses = () => z.array(z.string().trim().toLowerCase().refine(isAddressRule, { error: `must be an address, a network such as 203.0.113.0/24, or the word ${TRADINGVIEW}` }))
  .min(1).max(ADDRESSES_MOST).transform((rules) => [...new Set(rules)]).describe(`from which alerts are taken; ${TRADINGVIEW}: its published senders; all when left out`);

/** A secret is words of a person's: what is shorter is found in the alert by chance, and masked there. */
const bodySecret = () => text(200).min(4).refine((secret) => !/^\*+$/.test(secret), { error: 'must not be stars alone: so secrets are masked' }).describe('that every alert has to bring, in its body or as X-Webhook-Secret');

const route = {
  action: z.enum(SOURCE_ACTIONS).describe('store: nothing is done with alerts; command: what opens nothing; idea: entries too, through the gate'),
  executorAgentId: uuid().nullable().describe('who acts on them; needed unless they are only stored'),
  strategyId: uuid().nullable(),
  maxAgeSeconds: z.int().min(1).max(86_400).describe('an entry that is older when its turn comes has expired; 60 by default'),
  expectSignalWithin: z.int().min(60).max(31_536_000).nullable().describe('seconds; a longer silence is an incident'),
};

const positive = () => decimal({ above: '0', max: '100000000000000' });
/** Half of the account or of the price is no longer a distance but a mistake of a percent sign. */
const smallFraction = () => decimal({ above: '0', max: '0.5' });

const defaults = {
  lotSize: lotSize().nullable(),
  riskRule: z.union([z.strictObject({ amount: positive() }), z.strictObject({ fraction: smallFraction() })], { error: 'must be {"amount": "100"} in the account\'s currency or {"fraction": "0.01"} of its equity, at most 0.5' }).nullable()
    .describe('what to lose at the stop'),
  stopDistance: z.union([positive().transform((price) => ({ price })), z.strictObject({ price: positive() }), z.strictObject({ fraction: smallFraction() })], { error: 'must be a distance in the price\'s unit, or {"fraction": "0.01"} of the price, at most 0.5' }).nullable(),
  rewardToRisk: decimal({ above: '0', max: '1000' }).nullable().describe('target distance by stop distance'),
  confidence: fraction().nullable(),
  product: name(32).nullable(),
};

const given = {
  name: name(100), mapping: mappingSchema, symbols: symbols().optional(), bodySecret: bodySecret().nullable().optional(), allowedAddresses: addresses().nullable().optional(),
};

const some = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape).partial();

export const createSourceSchema = z.strictObject({ ...given, route: some(route).optional(), defaults: some(defaults).optional() });
export const changeSourceSchema = z.strictObject({ ...given, route: some(route), defaults: some(defaults) }).partial();
export const rotateSchema = z.strictObject({ overlapSeconds: z.int().min(0).max(OVERLAP_MOST_SECONDS).default(86_400).describe('for how long the token that it has now is still good') });
export const retireSourceSchema = z.strictObject({});
export const previewSchema = z.strictObject({
  contentType: z.string().max(200).optional(), body: z.string().min(1).max(65_536),
  mapping: mappingSchema.optional().describe('in place of that of the source: to try before it is changed'), symbols: symbols().optional(),
});

const yesOrNo = () => z.enum(['true', 'false']).transform((value) => value === 'true');
export const sourcesQuery = z.strictObject({ ...pageQuery, name: text(100).optional(), action: z.enum(SOURCE_ACTIONS).optional(), retired: yesOrNo().optional() });
export const templateQuery = z.strictObject({
  kind: z.enum(['strategy', 'indicator']).default('strategy').describe('what the alert is made on; an indicator knows no order'),
  action: z.enum(ACTIONS).optional().describe('of an indicator: what its alert means; buy by default'),
});

const time = () => z.iso.datetime().nullable();
const amount = () => decimalText().nullable();

export const sourceSchema = z.object({
  id: z.uuid(), name: z.string(), mapping: z.union([z.string(), z.record(z.string(), z.unknown())]), symbols: z.record(z.string(), z.string()),
  route: z.object({
    action: z.enum(SOURCE_ACTIONS), executorAgentId: z.uuid().nullable(), strategyId: z.uuid().nullable(), maxAgeSeconds: z.int(), expectSignalWithin: z.int().nullable(),
  }),
  defaults: z.object({
    lotSize: amount(), riskRule: z.object({ amount: decimalText().optional(), fraction: decimalText().optional() }).nullable(),
    stopDistance: z.object({ price: decimalText().optional(), fraction: decimalText().optional() }).nullable(), rewardToRisk: amount(), confidence: amount(), product: z.string().nullable(),
  }),
  hasBodySecret: z.boolean(), allowedAddresses: z.array(z.string()).nullable(), previousTokenUntil: time().describe('until when the token before the last rotation is good'),
  version: z.int(), retired: z.boolean(), retiredAt: time(), createdAt: z.iso.datetime(), createdBy: z.string(), updatedAt: z.iso.datetime(), updatedBy: z.string(),
}).meta({ id: 'WebhookSource' });

export const newSourceSchema = sourceSchema.extend({
  url: z.string().nullable().describe('where alerts are posted to, with its secret: shown once'), secretAlreadyShown: z.literal(true).optional(),
}).meta({ id: 'NewWebhookSource' });

export const previewAnswerSchema = z.object({
  ping: z.boolean(), secret: z.enum(['none_needed', 'missing', 'wrong', 'right']).describe('of those in the body'),
  key: z.object({ kind: z.enum(['explicit', 'bar', 'content', 'bytes']), expires: z.boolean().describe('the same alert a minute later is another one') }),
  stream: z.string().describe('alerts of one stream are worked through in order; empty: the symbol is unknown'),
  outcome: z.enum(['signal', 'ping', 'ignored', 'quarantined']), signal: z.record(z.string(), z.unknown()).nullable(), code: z.string().nullable(), detail: z.string().nullable(),
}).meta({ id: 'AlertPreview' });

export const templateSchema = z.object({
  contentType: z.string(), text: z.string().describe('to be pasted into the message of the alert as it is'), notes: z.array(z.string()).describe('what a person has to know or fill in'),
}).meta({ id: 'AlertTemplate' });

export function toSourceAnswer(row: SourceRow): z.output<typeof sourceSchema> {
  const { action, executorAgentId, strategyId, maxAgeSeconds, expectSignalWithinSeconds, defaults: known, mapping } = toSource(row);
  return {
    id: row.id, name: row.name, mapping, symbols: row.symbols, route: { action, executorAgentId, strategyId, maxAgeSeconds, expectSignalWithin: expectSignalWithinSeconds },
    defaults: known, hasBodySecret: row.body_secret_hash !== null, allowedAddresses: row.allowed_addresses, previousTokenUntil: row.previous_token_until, version: row.version,
    retired: row.retired_at !== null, retiredAt: row.retired_at, createdAt: row.created_at, createdBy: row.created_by, updatedAt: row.updated_at, updatedBy: row.updated_by,
  };
}
