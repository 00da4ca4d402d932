import type { Env } from '../config/env.js';
import { notFound } from '../common/problem.js';
import { type PositionRow, PositionsRepository } from '../positions/positions.repository.js';
import { toPosition } from '../positions/positions.schemas.js';
import { type Say, withDatabase } from './database.js';
import type { Outcome } from './outcome.js';
import { withServices } from './services.js';

const PAGE = 500;

/** What brokers show, as their agents last told it. */
export function positions(env: Env, say: Say, { account }: { account?: string }): Promise<Outcome> {
  return withDatabase(env, say, (urls) =>
    withServices(env, urls, async (app) => {
      const repository = app.get(PositionsRepository, { strict: false });
      const id = account === undefined ? null : await repository.accountId(account);
      if (account !== undefined && id === null) throw notFound(`account as "${account}"`);
      const rows: PositionRow[] = [];
      for (let page: PositionRow[] | null = null; page === null || page.length > PAGE; ) {
        page = await repository.positions({ account: id, reader: null }, PAGE, rows.at(-1)?.seq.toString());
        rows.push(...page.slice(0, PAGE));
      }
      const accounts = [...Map.groupBy(rows, (row) => row.account)].sort(([one], [other]) => (one < other ? -1 : 1));
      return {
        json: { accounts: accounts.map(([name, held]) => ({ account: name, accountId: held[0]?.account_id, positions: held.map(toPosition) })) },
        text: accounts.length === 0 ? 'No broker shows a position.' : accounts.flatMap(([name, held]) => [`${name}:`, ...held.map(lineOf)]).join('\n'),
      };
    }),
  );
}

const lineOf = (row: PositionRow) =>
  `  ${row.symbol} ${row.direction} ${row.size} at ${row.entry_price}, stop ${row.stop_loss ?? 'none'}, ${row.execution_mode}, ${row.broker_position_id ?? 'no id'}, as of ${new Date(row.as_of).toISOString()}${row.missing_since === null ? '' : ' (no longer shown)'}`;
