import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Caller } from '../common/http/caller.js';
import { isUuid } from '../common/is-uuid.js';
import { forbidden, notFound } from '../common/problem.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { ArchivedTexts } from '../decisions/archive/archived-texts.js';
import { DecisionsService } from '../decisions/decisions.service.js';
import { haltsIn, stepsOf } from './chain.js';
import { inOrder } from './in-order.js';
import type { Linked } from './linked.js';
import { goneWithEvents, missingIn } from './missing.js';
import { EACH_MOST, type Found, WhyRepository } from './why.repository.js';
import { STEPS_MOST, type Why } from './why.schemas.js';

/** Of a chain that is cut, so many of its end: what came of it is asked for most. */
const OF_THE_END = 100;
const MISSING_MOST = 100;

@Injectable()
export class WhyService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly why: WhyRepository,
    private readonly decisions: DecisionsService,
    private readonly archives: ArchivedTexts,
  ) {}

  /**
   * The causal chain of whatever has this id, as it stood at one moment.
   * @param caller null for the command line
   * @throws {Problem} 404; 403 for a key whose agent neither proposed nor executes it
   */
  ask(caller: Caller | null, id: string): Promise<Why> {
    return inTransaction(this.dataSource, async (tx) => {
      await tx.query('set transaction isolation level repeatable read, read only');
      const found = await this.why.find(tx, id);
      if (!found) throw notFound('trade, idea, command, prediction, decision, closure, halt or alert');
      if (caller?.principal.kind === 'agent' && !found.owners.includes(caller.principal.agentId)) throw forbidden('NOT_YOUR_AGENT', 'An agent key asks about what its agent proposed or executes.');
      const linked = await this.linked(tx, found);
      const steps = inOrder(stepsOf(withinBounds(linked)));
      const cut = steps.length > STEPS_MOST || Object.values(linked).some((rows: unknown[]) => rows.length > EACH_MOST);
      const chain = steps.length <= STEPS_MOST ? steps : [...steps.slice(0, STEPS_MOST - OF_THE_END), ...steps.slice(-OF_THE_END)];
      const missing = [...missingIn(found.type, linked), ...goneWithEvents(found.type, linked, await this.why.eventsGoneBefore(tx))].slice(0, MISSING_MOST);
      return { subject: { type: found.type, id }, chain, complete: missing.length === 0 && !cut, missing, cut };
    });
  }

  private async linked(tx: Tx, found: Found): Promise<Linked> {
    const { trade_ids: trades, command_ids: commands } = found;
    const haltId = found.type === 'halt' ? found.halt_id : null;
    const decisions = (await this.archives.fill(await this.why.decisions(tx, found))).map((row) => ({ row, checked: this.decisions.check(row) }));
    const closures = await this.why.closures(tx, trades, haltId);
    const made = await this.why.commands(tx, commands, haltId);
    const halts = new Set([found.halt_id, ...made.map(({ halted_by: id }) => id), ...closures.map(({ halt_id: id }) => id), ...decisions.flatMap(({ row, checked }) => [row.halt_id, ...haltsIn(checked.text?.riskCheckResult)])].filter((id) => id !== null));
    return {
      alerts: await this.why.alerts(tx, found.alert_ids.filter((id) => id !== null)), decisions, closures, halts: await this.why.halts(tx, [...halts].filter(isUuid)),
      predictions: await this.why.predictions(tx, found.prediction_ids), ideas: await this.why.ideas(tx, found.idea_ids), reservations: await this.why.reservations(tx, commands),
      commands: made, trades: await this.why.trades(tx, trades), transitions: await this.why.transitions(tx, trades), fills: await this.why.fills(tx, trades),
      explanations: await this.why.explanations(tx, trades),
    };
  }
}

/** One more of each kind was read, to see that there are more; the rows are newest first. */
const withinBounds = (linked: Linked): Linked => Object.fromEntries(Object.entries(linked).map(([kind, rows]) => [kind, (rows as unknown[]).slice(0, EACH_MOST)])) as unknown as Linked;
