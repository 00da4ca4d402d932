import { Injectable } from '@nestjs/common';
import type { Caller } from '../common/http/caller.js';
import type { Tx } from '../database/transaction.js';
import { AgentHalts } from '../halts/agent-halts.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import { TradeWatch } from './trade-watch.js';
import type { TradeRow } from './trades.repository.js';

const HALT_REASON = 'it traded past the gate';

/** Money was moved that nobody let through. Elsewhere than in live that is a label on the trade. */
@Injectable()
export class UngatedTrades {
  constructor(
    private readonly halts: AgentHalts,
    private readonly incidents: Incidents,
    watch: TradeWatch,
  ) {
    watch.onMoved(async (tx, trade) => {
      if (trade.execution_mode === 'live' && trade.origin === 'ungated' && trade.finished_at !== null) await this.incidents.resolve(tx, null, 'UNGATED_TRADE', [trade.id], `it is ${trade.status}`);
    });
  }

  /**
   * In the transaction that stores such a trade: a person is called, and its agent opens nothing more until one lets it.
   * @param why in words for a person
   */
  async note(tx: Tx, caller: Caller, trade: TradeRow, why: string): Promise<void> {
    if (trade.execution_mode !== 'live' || trade.origin !== 'ungated') return;
    const { id, agent_id: agentId, account_id: accountId, symbol, direction, outcome, lot_size: lotSize } = trade;
    await this.incidents.open(tx, caller, {
      kind: 'UNGATED_TRADE', severity: 'critical', subjectId: id, agentId, data: { symbol, direction, outcome, lotSize, commandId: trade.command_id, ideaId: trade.idea_id, why },
      summary: `${direction} ${lotSize} ${symbol}${outcome === null ? '' : ` ${outcome}`} was traded live past the gate: ${why}. Its agent is halted.`,
    });
    await this.halts.impose(tx, caller, { id: agentId, accountId, executionMode: 'live' }, 'reduce', HALT_REASON, { tradeId: id });
  }
}
