import type { INestApplicationContext } from '@nestjs/common';
import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import type { Env } from '../config/env.js';
import { Retirement } from '../kill-switch/retirement.service.js';
import { FinalityService } from '../legacy/cutover/finality.service.js';
import { type Say, withDatabase } from './database.js';
import type { Outcome } from './outcome.js';
import { checked } from './people.js';
import { withServices } from './services.js';

const CARRIED_THROUGH_WITHIN_MS = 10_000;

const retireSchema = z.strictObject({ reason: reason() });
const unretireSchema = z.strictObject({ reason: reason(), confirm: z.literal('UNRETIRE', { error: 'must be UNRETIRE, written out: the other system has stopped, and this one may trade' }) });

/** Works while the server is down. Again, it changes nothing and says how far the agents are. */
export function retire(env: Env, say: Say, given: { reason: string }): Promise<Outcome> {
  const { reason } = checked(retireSchema, given);
  return withApp(env, say, async (app) => {
    const retirement = app.get(Retirement, { strict: false });
    const halt = await retirement.retire(reason);
    await retirement.within(halt.id, CARRIED_THROUGH_WITHIN_MS);
    const finality = await app.get(FinalityService, { strict: false }).check();
    return {
      json: { haltId: halt.id, retiredAt: halt.imposed_at, reason: halt.reason, final: finality },
      text: [
        `Retired since ${new Date(halt.imposed_at).toISOString()}: ${halt.reason} [halt ${halt.id}]. Nothing opens here until "tradewarden unretire".`,
        ...finality.takenAsStopped.map(({ agent, why }) => `Taken as stopped: ${agent}, since ${why}.`), ...finality.inTheWay.map((each) => `Not over yet: ${each.text}`),
        finality.ready ? 'Nothing here trades any more: the other system may.' : 'Something here may still trade: ask again before the other system starts.',
      ].join('\n'),
    };
  });
}

export function unretire(env: Env, say: Say, given: { reason: string; confirm?: string }): Promise<Outcome> {
  const { reason } = checked(unretireSchema, given);
  return withApp(env, say, async (app) => {
    const instead = await app.get(Retirement, { strict: false }).unretire(reason);
    return {
      json: { retired: false, haltId: instead?.id ?? null },
      text: instead === null
        ? 'No longer retired. What opens from here on is new: nothing that was queued comes back. "tradewarden status" says what else holds.'
        : `No longer retired. Halts are released by two people here: everything stays halted by ${instead.id} until two have released it.`,
    };
  });
}

const withApp = (env: Env, say: Say, work: (app: INestApplicationContext) => Promise<Outcome>): Promise<Outcome> => withDatabase(env, say, (urls) => withServices(env, urls, work));
