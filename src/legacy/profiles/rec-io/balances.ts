import { kept, required } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import type { TableMapping, Value } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import type { Beside } from './trades.js';
import { ZONE } from './wall-time.js';

const BALANCE = required(decimal('balance', { scale: 'cents' }));
const TIME = required(time('captured_at', { zone: ZONE }));

/** What the account held, in cents; open contracts are not in it, so its equity is at least that. */
export function balancesMapping(table: SourceTable, { mode: account }: Pick<Beside, 'mode'>): TableMapping {
  return {
    as: 'import', sums: { balance: 'balance' }, time: 'timestamp',
    columns: {
      id: kept('names the row'), balance: { ...BALANCE, says: 'cents to dollars; also the equity, which the old table lacks, noted' },
      timestamp: { ...TIME, says: `with an offset, else wall clock of ${ZONE}, to time` }, created_at: kept('when the row was written'),
    },
    map({ balance, timestamp: at }, owners, row) {
      if (account === null) row.note('MODE_NOT_SAID', 'no account_mode file says prod or demo; the old program then traded live');
      row.note('EQUITY_MISSING', 'the old table knows no equity; the balance stands for it, without open contracts');
      const { agentId, accountId } = owners.agent(account ?? 'live');
      const values: Record<string, Value> = { id: owners.id(table.name, row.id), agent_id: agentId, sender: agentId, account_id: accountId, captured_at: at as string, last_captured_at: at as string, balance: balance as string, equity: balance as string };
      return { rows: [{ table: 'snapshot_account', values }] };
    },
  };
}
