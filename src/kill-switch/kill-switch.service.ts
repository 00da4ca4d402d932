import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { conflict, forbidden, notFound } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import type { HaltRow } from '../halts/halt-rows.js';
import { HaltsRepository } from '../halts/halts.repository.js';
import { HaltEffect } from './halt-effect.service.js';
import { HaltEffectRepository } from './halt-effect.repository.js';
import { HaltScopes } from './halt-scopes.js';
import { HaltsShownRepository, type ShownHalt } from './halts-shown.repository.js';
import { retired } from './retired.js';
import { type HaltAnswer, type imposeSchema, type releaseAnswerSchema, toAgent, toHalt, toOpening, toOther } from './kill-switch.schemas.js';

export type Impose = z.output<typeof imposeSchema>;
type ReleaseAnswer = z.output<typeof releaseAnswerSchema>;

/** What a release waits for; null: it may be done. */
type Wait = 'a second administrator' | null;

@Injectable()
export class KillSwitchService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly halts: HaltsRepository,
    private readonly effects: HaltEffectRepository,
    private readonly effect: HaltEffect,
    private readonly scopes: HaltScopes,
    private readonly shown: HaltsShownRepository,
    @Inject(ENV) private readonly env: Env,
  ) {}

  /**
   * The first of a halt's two commits: it waits for no lock, and from it on nothing opens that begins after it.
   * @param caller null for whoever sits at the command line
   * @throws {Problem} 404 for a scope that does not exist, 403 NOT_YOUR_AGENT for a key that names more than its own agent
   */
  async impose(tx: Tx, caller: Caller | null, { scope, mode, reason }: Impose): Promise<{ id: string }> {
    const own = caller?.principal.kind === 'agent' ? caller.principal.agentId : null;
    const named = scope.type === 'global' ? undefined : own !== null && scope.type === 'agent' && scope.id === 'me' ? own : scope.id;
    if (own !== null && scope.type !== 'agent') throw forbidden('NOT_YOUR_AGENT', 'An agent key halts its own agent only.');
    const where = await this.scopes.named(scope.type, named);
    if (own !== null && where.scope_id !== own) throw forbidden('NOT_YOUR_AGENT', 'An agent key halts its own agent only.');
    const halt = await this.halts.impose(tx, {
      ...where, mode, reason, source: own === null ? 'person' : 'agent', imposed_by: caller ? actorOf(caller.principal) : 'system', correlation_id: caller?.correlationId ?? null,
    });
    await this.effect.record(tx, caller, 'halt.imposed', halt, {});
    return { id: halt.id };
  }

  /** After that commit: the second, and what came of it within a second. */
  async whenEffective(id: string, ms?: number): Promise<HaltAnswer> {
    await this.effect.within(id, ms);
    return this.get(id);
  }

  /** @throws {Problem} 404 */
  async get(id: string): Promise<HaltAnswer> {
    return this.withContext(found(await this.shown.byId(id)));
  }

  /** Of rows of a list. One after the other: each may look at every agent. */
  async withContext(row: ShownHalt): Promise<HaltAnswer> {
    if (!row.in_force) return toHalt(row, { observed: null, uncontrolled: [], accountsLeft: [], openingsLeft: [] });
    return toHalt(row, {
      observed: await this.shown.observed(row.id), uncontrolled: await this.shown.uncontrolled(row.id),
      accountsLeft: row.effective_at === null ? await this.shown.accountsLeft(row.id) : [], openingsLeft: row.effective_at === null ? await this.shown.openingsLeft(row.id) : [],
    });
  }

  /**
   * Ends a halt. Repeated it answers the same, with the one who did it first.
   * @throws {Problem} 404; 409 BREAKER_TRIPPED, since resetting the breaker ends it; 409 RETIRED; 409 TWO_PERSON_RELEASE at the command line
   */
  async release(caller: Caller | null, id: string, reason: string): Promise<ReleaseAnswer> {
    const waitsFor = await inTransaction(this.dataSource, async (tx): Promise<Wait> => {
      const halt = found(await this.halts.byId(id, tx));
      if (halt.released_at !== null) return null;
      if (halt.source === 'breaker') throw conflict('BREAKER_TRIPPED', `The circuit breaker ${halt.breaker} holds this: reset it, and the halt ends.`);
      if (halt.source === 'retirement') throw retired();
      if (await this.isFirstOfTwo(tx, caller, halt, reason)) return 'a second administrator';
      await this.effect.releaseWithin(tx, caller, id, reason);
      return null;
    });
    const halt = await this.get(id);
    const { not_yet: agents } = await this.shown.observed(id);
    return {
      released: halt.released !== null, waitsFor, halt,
      inTheWay: { halts: (await this.shown.others(id)).map(toOther), agents: agents.map(toAgent), unknownCommands: (await this.shown.unknownCommands(id)).map(toOpening) },
    };
  }

  /**
   * With TWO_PERSON_RELEASE two different people have had their hands on it: who imposed it and who releases it, or, where no
   * other person imposed it, two who release it.
   */
  private async isFirstOfTwo(tx: Tx, caller: Caller | null, halt: HaltRow, reason: string): Promise<boolean> {
    if (!this.env.TWO_PERSON_RELEASE) return false;
    if (!caller) throw conflict('TWO_PERSON_RELEASE', 'Halts are released by two people here, each signed in: not at the command line.');
    const by = actorOf(caller.principal);
    const first = halt.imposed_by.startsWith('user:') && halt.imposed_by !== by ? halt.imposed_by : halt.release_requested_by;
    if (first !== null && first !== by) return false;
    if (first === null && !(await this.effects.requestRelease(tx, halt.id, by, reason))) {
      // Somebody else asked, or released, at the same moment.
      const now = found(await this.halts.byId(halt.id, tx));
      return now.released_at === null && now.release_requested_by === by;
    }
    if (first === null) await this.effect.record(tx, caller, 'halt.release_requested', halt, { by: actorOf(caller.principal), reason });
    return true;
  }
}

function found<T>(row: T | null): T {
  if (!row) throw notFound('halt');
  return row;
}
