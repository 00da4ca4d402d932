import { mkdtempSync, rmSync, chmodSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { priceText } from '../../clients/typescript/instrument.js';
import { randomMarket } from '../../clients/typescript/market.js';
import { EURUSD } from '../../clients/typescript/testing/test-agent.js';
import { freePort } from '../support/server-process.js';
import { replay } from './replay.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tradewarden-demo-'));
  chmodSync(folder, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The demo's own random market, as a file. */
function candles(count: number): string {
  const market = randomMarket(11, EURUSD, 1_100_000, 60);
  const lines = ['timestamp,open,high,low,close,volume,spread'];
  for (let step = market.next(market.begin()); step && lines.length <= count; step = market.next(step.position)) {
    const { time, open, high, low, close, spread } = step.candle;
    const prices = [open, high, low, close].map((points) => priceText(points, EURUSD));
    lines.push([new Date(time).toISOString().slice(0, 19).replace('T', ' '), ...prices, 1, priceText(spread, EURUSD)].join(','));
  }
  return `${lines.join('\n')}\n`;
}

describe('the demo with its real server', () => {
  it('ends with trades, an explanation for each entry and exit, and a profit that the trades add up to, to the cent', async () => {
    const file = join(folder, 'EURUSD.csv');
    writeFileSync(file, candles(1_500));
    const { summary, trades, fills, recomputed, explanations, ideas, halts, predictions, incidents, unexplained } = await replay(file, join(folder, 'data'), await freePort());
    expect(summary).toMatchObject({ complete: true, candles: 1_500, trades: trades.length, unsentFacts: 0, rejectedFacts: 0 });
    expect(trades.length).toBeGreaterThan(5);
    const own = trades.filter(({ origin }) => origin !== 'external');
    expect(own.every((trade) => trade.sourceTime < trade.entryTime && trade.rMultiple !== null)).toBe(true);
    const [refused, carriedOut] = [['rejected', 'halted_by_risk'], ['auto_executed', 'approved']].map((statuses) => ideas.filter(({ status }) => statuses.includes(status)));
    expect(explanations).toEqual({ entry: own.length, exit: own.length, skip: refused!.length });
    // Nothing was opened but what the gate let through, and each of that once.
    expect(own.map(({ origin, ideaId }) => [origin, ideaId]).sort()).toEqual(carriedOut!.map(({ id }) => ['gated', id]).sort());
    expect([summary.ideas, summary.byStatus['approved'], summary.byStatus['halted_by_risk'], summary.refusals['HALT_AGENT']]).toEqual([ideas.length, 1, 1, 1]);
    expect(ideas.filter(({ status }) => status === 'approved')).toMatchObject([{ approvedBy: expect.stringContaining('user:') }]);
    expect(halts).toMatchObject([{ inForce: false, mode: 'reduce', scope: { type: 'agent' } }]);
    expect(own.filter(({ exitReason }) => exitReason === 'supervisor')).toHaveLength(1);
    for (const trade of trades) expect(trade).toMatchObject({ status: 'closed', openSize: '0', profitSource: 'broker' });
    for (const { id } of trades) expect(fills[id]).toEqual(['entry', 'exit']);
    // What a person opened at the broker is the only thing that anybody had to look at, but for what five losses in a row trip.
    expect(trades).toHaveLength(own.length + 1);
    const [external] = trades.filter(({ origin }) => origin === 'external');
    expect(incidents.filter(({ kind }) => kind !== 'BREAKER_TRIPPED')).toMatchObject([{ kind: 'EXTERNAL_POSITION', status: 'resolved', subject: { id: external?.id } }]);
    expect(predictions).toBeGreaterThan(trades.length);
    expect(summary.net).toBe(recomputed);
    expect(new Set(unexplained)).toEqual(new Set(['0']));
  });
});
