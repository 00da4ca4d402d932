import type { INestApplicationContext } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { notFound } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { PositionsRepository } from '../positions/positions.repository.js';
import { EXECUTION_MODES } from '../trades/trade-fields.js';
import { type Say, withDatabase } from './database.js';
import { CommandError, type Outcome, wrongUsage } from './outcome.js';
import { withServices } from './services.js';
import { compare } from './statement/compare.js';
import { type OurBook, type OurDeal, OursRepository } from './statement/ours.repository.js';
import { outcomeOf } from './statement/outcome-of.js';
import { textOfFile } from './statement/read-file.js';
import { readStatement, type Statement } from './statement/read-statement.js';
import { zoneOf } from './statement/zone.js';

export interface StatementOptions {
  account: string;
  mode?: string;
  zone?: string;
}

/** Of ours, in memory at once. */
const DEALS_MOST = 200_000;

/** What a broker says it did against what is stored, deal by deal. Reads only. */
export async function statement(env: Env, say: Say, path: string, options: StatementOptions): Promise<Outcome> {
  const zone = options.zone === undefined ? null : zoneOf(options.zone);
  if (options.zone !== undefined && zone === null) throw wrongUsage('--zone: must be a zone such as Europe/Athens, +02:00 or America/New_York+7');
  if (options.mode !== undefined && !EXECUTION_MODES.some((mode) => mode === options.mode)) throw wrongUsage(`--mode: must be one of ${EXECUTION_MODES.join(', ')}`);
  const read = readStatement(await textOfFile(path), zone);
  return withDatabase(env, say, (urls) =>
    withServices(env, urls, async (app) => {
      const ours = new OursRepository(app.get(DataSource));
      const book = await bookOf(app, ours, options);
      const span = spanOf(read);
      const dealIds = read.deals.map(({ dealId }) => dealId);
      const within = await ours.within(book, span.from, span.to, DEALS_MOST + 1);
      if (within.length > DEALS_MOST) throw new CommandError('TOO_MANY_DEALS', `More than ${DEALS_MOST} deals are stored between ${span.from} and ${span.to}: take a statement of a shorter period.`);
      const here = new Set(within.map(({ deal_id: id }) => id));
      const elsewhere = dealIds.filter((id) => !here.has(id));
      const all: OurDeal[] = [...within, ...(elsewhere.length > 0 ? await ours.byIds(book, elsewhere) : [])];
      const flows = await ours.flows(book.accountId, span.from, span.to, read.flows.map(({ dealId }) => dealId));
      return outcomeOf({ path, account: options.account, book, span, read }, compare(read, all, flows, await ours.symbols(book.accountId)));
    }),
  );
}

async function bookOf(app: INestApplicationContext, ours: OursRepository, { account, mode }: StatementOptions): Promise<OurBook> {
  const accountId = await app.get(PositionsRepository, { strict: false }).accountId(account);
  if (accountId === null) throw notFound(`account as "${account}"`);
  const asked = EXECUTION_MODES.find((each) => each === mode);
  if (asked) return { accountId, mode: asked };
  const [only, ...more] = await ours.modes(accountId);
  if (more.length > 0 && only) throw wrongUsage(`--mode: is needed, since the account has traded in ${[only, ...more].join(' and ')}`);
  return { accountId, mode: only ?? 'live' };
}

/** From the first row's moment to the end of the last one's. Outside of it the statement says nothing of ours. */
function spanOf({ deals, flows }: Statement): { from: string; to: string } {
  let [from, to] = [Infinity, -Infinity];
  for (const { time: { instants, unit } } of [...deals, ...flows]) {
    for (const instant of instants) [from, to] = [Math.min(from, instant), Math.max(to, instant + unit)];
  }
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}
