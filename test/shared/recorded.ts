import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Signal } from '../../src/webhooks/mapping/signal.js';

/** Recorded requests lie beside the project, not in it. */
const FILE = join(process.cwd(), '..', 'shared', 'data', 'tradingview', 'payloads.jsonl');

export interface Recorded {
  n: number;
  body_raw: string;
  content_type: string | null;
  header_secret: string | null;
  observed_status: number | null;
  observed_response: { status?: string } | null;
}

export const recorded: Recorded[] = existsSync(FILE) ? readFileSync(FILE, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line) as Recorded) : [];
export const ofNumber = (n: number) => recorded.find((request) => request.n === n);

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/**
 * What each request asks for by the rules of its format, worked out by hand: intent and side, symbol at its exchange, size, kind of order
 * with its limit (a price makes one, but for order fills) and reference price, product. `-`: not said, so the source's default applies.
 */
export const ORDERS: [number[], string][] = [
  [[1, 2, 3, 4], 'order long INFY@NSE 1 limit 1500 ref 1500 -'],
  [[5], 'order long INFY@NSE 1 limit 3691.55 ref 3691.55 -'],
  [[6], 'order short INFY@NSE 1 limit 3691.55 ref 3691.55 -'],
  [range(7, 12), 'order long TCS@NSE 3 limit 3500 ref 3500 -'],
  [range(13, 22), 'order long TCS@NSE - limit 100 ref 100 MIS'],
  [[23, 24], 'order long TCS@NSE 1 limit 100 ref 100 -'],
  [[25], 'order short TCS@NSE 1 limit 100 ref 100 MIS'],
  [[26, 27], 'order long TCS@NSE 1 limit 100 ref 100 MIS'],
  [[28], 'order short TCS_INFLIGHT1@NSE 1 limit 100 ref 100 MIS'], [[29], 'order short TCS_INFLIGHT1@NSE 1 limit 101 ref 101 MIS'],
  [[30], 'order long TCS_TF1@NSE 1 limit 100 ref 100 MIS'], [[31], 'order long TCS_TF1@NSE 1 limit 101 ref 101 MIS'],
  [[32], 'order long TCS_MB1@NSE 1 limit 100 ref 100 MIS'], [[33], 'order long TCS_MB1@NSE 1 limit 101 ref 101 MIS'],
  [[34], 'order long TCS_CONC1@NSE 1 limit 100 ref 100 MIS'], [[35], 'order long TCS_CONC1@NSE 1 limit 101 ref 101 MIS'],
  [[36], 'order long RELIANCE@NSE 1 market - ref - -'],
  [[37], 'order short INFY@NSE 1 limit 1500 ref 1500 -'], [[38], 'order short INFY@NSE 2 limit 1500 ref 1500 -'],
  [[39], 'entry long INFY@NSE 14 market - ref 1500 MIS'], [[40], 'entry long INFY@NSE 2 market - ref 1500 -'],
  [[41, 42, 43], 'exit long INFY@NSE - market - ref 1500 MIS'],
  [[45, 46, 47, 48], 'entry long INFY@NSE 1 market - ref 1500 MIS'],
  [[49], 'exit short INFY@NSE 1 market - ref 1500 MIS'],
  [[50], 'order long ASTRAMICRO@NSE - limit 1500 ref 1500 -'], [[51], 'order long BDL@NSE - limit 1500 ref 1500 -'],
  // A limit stays as it was sent: what the exchange's tick makes of it is the executor's matter (there it became 320.30).
  [[52, 55], 'order long BSE@NSE 1 limit 320.29 ref 320.29 -'], [[53], 'order long INFY@NSE 2 limit 320.29 ref 320.29 CNC'],
  [[54], 'order long INFY@NSE 1 limit 1500 ref 1500 -'],
  [[56], 'order long BSE@NSE 1 limit 2673.1 ref 2673.1 -'], [[57], 'order long BSE@NSE 1 limit 2673.1 ref 2673.1 CNC'],
  [[58, 62, 64], 'order long TCS@NSE 1 limit 3500 ref 3500 -'],
  [[59, 60], 'order long INFY@NSE 1 market - ref - -'],
  [[61], 'order long TCS@BSE 1 limit 100 ref 100 -'],
  [[63], 'order long TCS@NSE 3 limit 3500 ref 3500 -'],
  [[65], 'order long INFY@NSE - limit 320.29 ref 320.29 -'], [[66], 'order short INFY@NSE - limit 1500 ref 1500 -'], [[67], 'order long INFY@NSE - limit 1500 ref 1500 -'],
];

/** Accepted there with `{{ticker}}` for a symbol (44), or texts to be filled in that no chart has filled in; 74 and 79 are pieces of a body. */
export const QUARANTINED: [number[], string][] = [
  [[44, 68, 69, 70, 71, 72, 73, 76, 77, 78], 'UNRESOLVED_PLACEHOLDER'], [[75, 79], 'ACTION_MISSING'], [[74], 'BODY_NOT_READABLE'],
];

export const shownAs = (answer: Signal | { code: string }): string =>
  'code' in answer ? answer.code : `${answer.intent} ${answer.side} ${answer.symbol}@${answer.exchange} ${answer.quantity ?? '-'} ${answer.orderType} ${answer.limitPrice ?? '-'} ref ${answer.price ?? '-'} ${answer.product ?? '-'}`;
