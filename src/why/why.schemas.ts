import { z } from 'zod';
import { STEP_TYPES } from './in-order.js';
import { SUBJECT_TYPES } from './linked.js';

export const STEPS_MOST = 500;

export const whySchema = z.object({
  subject: z.object({ type: z.enum(SUBJECT_TYPES), id: z.uuid() }),
  chain: z.array(z.object({
    type: z.enum(STEP_TYPES), id: z.uuid().describe('of the row; of a transition and an outcome, of the trade; of a release, of the halt'), at: z.iso.datetime(), actor: z.string().optional(),
    summary: z.string().describe('one plain sentence with its figures'), data: z.record(z.string(), z.unknown()),
  })).describe(`causes before effects, then by time; ${STEPS_MOST} at most`),
  complete: z.boolean().describe('nothing that one would expect is missing, and nothing was cut'),
  missing: z.array(z.string()).describe('what one would expect and is not there, in words'),
  cut: z.boolean().describe('there are more steps than are shown: of those in the middle'),
}).meta({ id: 'Why' });

export type Why = z.output<typeof whySchema>;
