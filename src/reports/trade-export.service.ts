import { pipeline } from 'node:stream/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { OutgoingHttpHeaders } from 'node:http';
import { DataSource } from 'typeorm';
import type { TradeFilter } from '../trades/trade-lists.repository.js';
import type { TradeRow } from '../trades/trades.repository.js';
import { toTrade } from '../trades/trades.schemas.js';
import { TradesService } from '../trades/trades.service.js';
import { TRADE_HEADER, tradeLine, type TradeNames } from './trade-columns.js';

/** One page is in memory, and one may wait for its reader. To write 500 rows took the process 60 ms at a time. */
const PAGE = 200;
/** A reader who took nothing for so long is gone, or may as well be; a statement may take 15 s of it. */
const STALLED_MS = 60_000;

@Injectable()
export class TradeExport {
  private readonly log = new Logger('TradeExport');

  constructor(
    private readonly dataSource: DataSource,
    private readonly trades: TradesService,
  ) {}

  /**
   * Writes them page by page, as fast as they are read. No transaction spans the pages: a trade that is recorded or changes
   * meanwhile is in it as it was when its page was read. What fails before the first byte is refused as
   * every request is; after it the connection is reset, so that no client takes a part for the whole.
   * @param isHead only whether, and as what
   */
  async send(reply: FastifyReply, filter: TradeFilter, isHead: boolean): Promise<void> {
    const first = await this.trades.list(filter, PAGE, undefined);
    const name = `trades-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}Z.csv`;
    const headers = { 'content-type': 'text/csv; charset=utf-8; header=present', 'content-disposition': `attachment; filename="${name}"` };
    if (isHead) return void reply.headers(headers).send();
    const { raw } = reply;
    reply.hijack();
    raw.writeHead(200, { ...(reply.getHeaders() as OutgoingHttpHeaders), ...headers });
    raw.setTimeout(STALLED_MS, () => raw.destroy(new Error(`its reader took nothing for ${STALLED_MS / 1_000} s`)));
    const { socket } = raw;
    try {
      await pipeline(this.pages(filter, first), raw);
    } catch (error) {
      this.log.warn(`an export of trades broke off: ${(error as Error).message}`);
      socket?.resetAndDestroy();
    }
  }

  private async *pages(filter: TradeFilter, first: TradeRow[]): AsyncGenerator<string> {
    yield TRADE_HEADER;
    const names = new Map<string, string | null>();
    for (let rows = first; ; ) {
      const shown = rows.slice(0, PAGE);
      await this.learn(names, shown);
      yield shown.map((row) => tradeLine(toTrade(row), namesOf(names, row))).join('');
      const last = shown.at(-1);
      if (rows.length <= PAGE || !last) return;
      rows = await this.trades.list(filter, PAGE, String(last.seq));
    }
  }

  /** Names of agents and accounts that were not met before. */
  private async learn(names: Map<string, string | null>, rows: readonly TradeRow[]): Promise<void> {
    const ids = [...new Set(rows.flatMap(({ agent_id, account_id }) => [agent_id, account_id]))].filter((id) => !names.has(id));
    if (ids.length === 0) return;
    const met = await this.dataSource.sql<{ id: string; name: string; currency: string | null }[]>`
      select id, name, null as currency from agents where id = any(${ids}::uuid[]) union all select id, name, currency from accounts where id = any(${ids}::uuid[])`;
    for (const { id, name, currency } of met) {
      names.set(id, name);
      if (currency !== null) names.set(`${id} currency`, currency);
    }
  }
}

const namesOf = (names: ReadonlyMap<string, string | null>, { agent_id, account_id }: TradeRow): TradeNames => ({
  agent: names.get(agent_id) ?? null, account: names.get(account_id) ?? null, currency: names.get(`${account_id} currency`) ?? null,
});
