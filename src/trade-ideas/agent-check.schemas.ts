import { z } from 'zod';
import { decimalText, instant, symbol } from '../common/fields.js';
import { proposeSchema, reasonSchema, ruleSchema, VERDICTS } from './trade-ideas.schemas.js';

const SYMBOLS_MOST = 100;

export const checkSchema = z.strictObject({
  sentAt: instant().nullish().describe("the client's own time, of now; a person's says nothing of the agent's"),
  symbols: z.array(symbol()).max(SYMBOLS_MOST).nullish().describe("to look up; the agent's own by default"),
  idea: proposeSchema.nullish().describe('as of POST /trade-ideas; none: a probe of the smallest size'),
});
export type CheckBody = z.output<typeof checkSchema>;

const CHECKS = ['key', 'clock', 'instance', 'account', 'instruments', 'positions', 'broker', 'lease', 'state', 'limits', 'opening'] as const;
export type CheckName = (typeof CHECKS)[number];

export const checkAnswerSchema = z.object({
  ok: z.boolean().describe('no check says false'),
  checks: z.array(z.object({ name: z.enum(CHECKS), ok: z.boolean().nullable().describe('null: not known, or not asked for in this mode'), detail: z.string() })),
  opening: z.object({
    wouldPass: z.boolean().nullable().describe('null: nobody could ask the gate'), verdict: z.enum(VERDICTS).nullable(),
    stoppedBy: z.object({ rule: z.string(), code: z.string(), message: z.string() }).nullable().describe('the first rule that does not let it through'),
    rules: z.array(ruleSchema), reasons: z.array(reasonSchema),
    probe: z.object({ symbol: z.string(), lotSize: decimalText(), stopLoss: decimalText(), takeProfit: decimalText().nullable() }).nullable().describe('what the gate was asked about, when no idea was given'),
  }),
  checkedAt: z.iso.datetime(),
}).meta({ id: 'AgentCheck' });
export type CheckAnswer = z.output<typeof checkAnswerSchema>;
