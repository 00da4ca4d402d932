import { RUNNABLE } from '../../src/webhooks/inbox/streams.repository.js';
import type { TestApp } from './app.js';
import type { TestDatabase } from './database.js';
import type { Answer, Client } from './http.js';

export interface TestSource {
  id: string;
  /** As it was shown. */
  url: string;
  /** The path of `url`, for any server of the same database. */
  path: string;
}

export type Posted = Answer<{ alertId: string; status: string; code: string; instance: string; retryable: boolean }>;

let made = 0;

export async function makeSource(http: Client, body: Record<string, unknown> = {}): Promise<TestSource> {
  const answer = await http<{ id: string; url: string }>('POST', '/webhook-sources', { body: { name: `source-${process.pid}-${++made}`, mapping: 'sigmatrader', ...body } });
  if (answer.status !== 201) throw new Error(`source not made: ${answer.text}`);
  const { id, url } = answer.body;
  return { id, url, path: new URL(url).pathname };
}

/** One of SigmaTrader's shapes; without a time of its bar, so that its key runs out. */
export const alertBody = (more: Record<string, unknown> = {}): string => JSON.stringify({
  platform: 'TRADINGVIEW', st_user_id: 'admin', strategy_name: 'TV-01', symbol: 'NSE:INFY', exchange: 'NSE', interval: '5', trade_details: { order_action: 'BUY', quantity: 1, price: 1500 }, ...more,
});

/** As TradingView sends: no credentials, and JSON under its own name unless said otherwise. */
export async function postAlert({ base }: { base: string }, path: string, body: string | Uint8Array | null = alertBody(), headers: Record<string, string> = { 'content-type': 'application/json' }): Promise<Posted> {
  const response = await fetch(base + path, { method: 'POST', headers, ...(body === null ? {} : { body: body as string | Uint8Array<ArrayBuffer> }) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as Posted['body'] };
}

export interface StoredAlert {
  id: string;
  source_id: string;
  key_kind: string;
  body: Buffer;
  content_type: string | null;
  sender: string | null;
  symbol: string;
  correlation_id: string;
  duplicate_count: number;
  last_duplicate_at: Date | null;
  received_at: Date;
}

/** In the order in which they are to be worked through. */
export const alertsOf = ({ db }: Pick<TestApp, 'db'>, sourceId: string): Promise<StoredAlert[]> => db.query<StoredAlert & Record<string, unknown>>('select * from alerts where source_id = $1 order by seq', [sourceId]);

/** The plan by which the inbox looks for alerts whose turn it is, with what it read. */
export const runnablePlan = async (db: TestDatabase): Promise<string> =>
  (await db.query<{ 'QUERY PLAN': string }>(`explain (analyze, buffers) ${RUNNABLE.text}`, [[], 100])).map((row) => row['QUERY PLAN']).join('\n');
