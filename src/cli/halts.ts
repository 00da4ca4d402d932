import type { INestApplicationContext } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Env } from '../config/env.js';
import { uuid } from '../common/fields.js';
import { inTransaction } from '../database/transaction.js';
import { imposeSchema, releaseSchema } from '../kill-switch/kill-switch.schemas.js';
import { KillSwitchService } from '../kill-switch/kill-switch.service.js';
import { type Say, withDatabase } from './database.js';
import type { Outcome } from './outcome.js';
import { checked } from './people.js';
import { withServices } from './services.js';

export interface HaltOptions {
  scope: string;
  id?: string;
  mode: string;
  reason: string;
}

/** A person waits at the terminal; a server would finish what is left, and there may be none. */
const CARRIED_THROUGH_WITHIN_MS = 10_000;

/** Works while the server is down: both commits are made here. Servers that run notice within a second. */
export function halt(env: Env, say: Say, { scope, id, mode, reason }: HaltOptions): Promise<Outcome> {
  const wanted = checked(imposeSchema, { scope: { type: scope, ...(id === undefined ? {} : { id }) }, mode, reason });
  return withService(env, say, async (service, app) => {
    const made = await inTransaction(app.get(DataSource), (tx) => service.impose(tx, null, wanted));
    const answer = await service.whenEffective(made.id, CARRIED_THROUGH_WITHIN_MS);
    const { stillOpen, agents, notInControl } = answer;
    return {
      json: answer,
      text: [
        `Halted ${answer.scope.name ?? answer.scope.type} (${answer.mode}) [${answer.id}].`,
        answer.effectiveAt === null
          ? `Nothing opens. ${stillOpen.accounts.length} account(s) are busy: ${stillOpen.accounts.map(({ name }) => name).join(', ')}; the server goes on with them.`
          : 'Nothing opens, and nothing that was let through before is left in the queue.',
        `${agents?.observed ?? 0} of ${agents?.inScope ?? 0} agents have observed it.`,
        ...notInControl.map((each) => `Not under control: ${each.symbol} ${each.direction} ${each.size} on ${each.account} (${each.agent} is offline), stop ${each.stopLoss ?? 'none'}`),
      ].join('\n'),
    };
  });
}

export function release(env: Env, say: Say, given: string, { reason, confirm }: { reason: string; confirm?: string }): Promise<Outcome> {
  const wanted = checked(releaseSchema, { confirm, reason });
  const id = checked(uuid(), given);
  return withService(env, say, async (service) => {
    const answer = await service.release(null, id, wanted.reason);
    const { halts, agents, unknownCommands } = answer.inTheWay;
    return {
      json: answer,
      text: [
        `Released ${answer.halt.scope.name ?? answer.halt.scope.type} (by ${answer.halt.released?.by} at ${answer.halt.released?.at}).`,
        ...halts.map((each) => `In the way: ${each.breaker === null ? `another halt (${each.mode}) of ${each.scope}` : `the circuit breaker ${each.breaker}`}: ${each.reason} [${each.id}]`),
        ...agents.map((each) => `In the way: ${each.name} has not observed what it was told (${each.liveness})`),
        ...unknownCommands.map((each) => `In the way: nobody knows what became of ${each.type} ${each.commandId}`),
      ].join('\n'),
    };
  });
}

const withService = (env: Env, say: Say, work: (service: KillSwitchService, app: INestApplicationContext) => Promise<Outcome>): Promise<Outcome> =>
  withDatabase(env, say, (urls) => withServices(env, urls, (app) => work(app.get(KillSwitchService, { strict: false }), app)));
