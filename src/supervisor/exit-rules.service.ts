import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { mustOwn } from '../auth/own-rows.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { conflict, notFound } from '../common/problem.js';
import { inTransaction } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { isFinished } from '../trades/trade-state.js';
import { TradesRepository } from '../trades/trades.repository.js';
import type { PutExitRules } from './exit-rules.schemas.js';
import { looser } from './looser.js';
import { type Supervised, SupervisionRepository } from './supervision.repository.js';

/** The rules of one trade, where they are not its strategy's. */
@Injectable()
export class ExitRulesService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly supervision: SupervisionRepository,
    private readonly trades: TradesRepository,
    private readonly events: Events,
  ) {}

  /** @throws {Problem} 404; 403 NOT_YOUR_AGENT */
  async get(caller: Caller, tradeId: string): Promise<Supervised> {
    const [found] = await this.supervision.load([tradeId], true);
    if (!found) throw notFound('trade');
    mustOwn(caller, found.agent_id);
    return found;
  }

  /** @throws {Problem} 409 TRADE_FINISHED; 409 EXIT_RULES_LOOSER: an agent closes its trades earlier than they would be, never later */
  put(caller: Caller, tradeId: string, { rules, reason }: PutExitRules): Promise<Supervised> {
    return inTransaction(this.dataSource, async (tx) => {
      const trade = await this.trades.lock(tx, tradeId);
      if (!trade) throw notFound('trade');
      mustOwn(caller, trade.agent_id);
      if (isFinished(trade.status)) throw conflict('TRADE_FINISHED', `The trade is ${trade.status}: nothing closes it any more.`);
      const [before] = await this.supervision.load([tradeId], true, tx);
      const version = await this.supervision.writeOverride(tx, tradeId, rules, actorOf(caller.principal));
      const [after] = await this.supervision.load([tradeId], true, tx);
      if (!before || !after) throw new Error('the locked trade is gone');
      const loosened = looser(before.rules, after.rules);
      if (caller.principal.kind === 'agent' && loosened.length > 0) {
        throw conflict('EXIT_RULES_LOOSER', `An agent key only tightens the rules of its trades; this loosens ${loosened.join(', ')}.`);
      }
      await this.events.append(tx, caller, [{
        type: 'trade.exit_rules_changed', subjectId: tradeId, agentId: trade.agent_id, accountId: trade.account_id, data: { version, from: before.rules, to: after.rules, loosened, reason: reason ?? null },
      }]);
      return after;
    });
  }
}
