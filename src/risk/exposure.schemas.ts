import { z } from 'zod';
import { EXECUTION_MODES } from '../accounts/account-days.repository.js';
import { decimalText, uuid } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { LAYERS } from '../limits/effective-limits.js';

export const exposureQuery = z.strictObject({ ...pageQuery, accountId: uuid().optional().describe("an agent's own is the only one that its key sees"), executionMode: z.enum(EXECUTION_MODES).optional() });

const unknownSchema = z.array(z.object({ code: z.string(), detail: z.string() })).describe('why a figure is not known; then it is null');
const figures = {
  grossNotional: decimalText().nullable(), netByCurrency: z.record(z.string(), decimalText()).nullable(), netByUnderlying: z.record(z.string(), decimalText()).nullable(),
  openRisk: decimalText().nullable().describe('to the stops'), unknown: unknownSchema,
};
const bound = z.object({ value: z.union([z.number(), z.string()]), from: z.enum(LAYERS), currency: z.string().nullable() });
const used = (name: string) => z.array(bound).describe(`${name}; empty: none`);

export const exposureSchema = z.object({
  accountId: z.uuid(), account: z.string(), executionMode: z.enum(EXECUTION_MODES), currency: z.string(), at: z.iso.datetime(), ...figures,
  reservedRisk: decimalText().nullable().describe('of openRisk what is reserved for openings under way'), trades: z.int(), reservations: z.int(), assumed: z.array(z.string()).describe('symbols whose terms are assumed'),
  limits: z.object({
    maxConcurrentTrades: used('trades and reservations'), maxTradesPerSymbol: used('of one symbol'), maxGrossExposureAmount: used('of grossNotional'),
    maxNetCurrencyExposureAmount: used('of each net figure'), maxOpenRiskAmount: used('of openRisk'),
  }).describe('for everybody and for the account; those of agents and strategies stand in /limits'),
  symbols: z.array(z.object({ symbol: z.string(), exchange: z.string().nullable(), trades: z.int(), reservations: z.int(), ...figures })),
  held: z.array(z.object({
    kind: z.enum(['trade', 'reservation']), id: z.uuid().describe('of the trade, or of the command'), agentId: z.uuid().nullable(), proposerAgentId: z.uuid().nullable(), strategyId: z.uuid().nullable(),
    external: z.boolean(), symbol: z.string(), exchange: z.string().nullable(), direction: z.enum(['long', 'short']), outcome: z.enum(['yes', 'no']).nullable(), size: decimalText(),
    entryPrice: decimalText().nullable(), markPrice: decimalText().nullable(), stop: decimalText().nullable(),
  })).describe('a key sees those of its own agent; the figures count all'),
}).meta({ id: 'BookExposure' });
export const exposuresSchema = z.object({ items: z.array(exposureSchema), nextCursor: z.string().nullable() });
