import { mkdtempSync, rmSync, chmodSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { seeded } from '../support/random.js';
import { freePort } from '../support/server-process.js';
import { replay } from './replay.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tradewarden-demo-'));
  chmodSync(folder, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A market that wanders in five-minute steps, so that the strategy finds something to do. */
function candles(count: number): string {
  const random = seeded(7);
  const lines = ['timestamp,open,high,low,close,volume,spread'];
  for (let i = 0, points = 110_000, drift = 0; i < count; i++) {
    const [open, high, low] = [points, points + 15 + Math.floor(random() * 60), points - 15 - Math.floor(random() * 60)];
    drift = drift * 0.99 + (random() - 0.5) * 25;
    points = Math.max(low, Math.min(high, Math.round(points + drift)));
    const time = new Date(Date.UTC(2024, 0, 1) + i * 300_000).toISOString().slice(0, 19).replace('T', ' ');
    lines.push([time, ...[open, high, low, points].map((price) => (price / 100_000).toFixed(5)), 100, '0.00005'].join(','));
  }
  return `${lines.join('\n')}\n`;
}

describe('the demo with its real server', () => {
  it('ends with trades, an explanation for each entry and exit, and a profit that the trades add up to, to the cent', async () => {
    const file = join(folder, 'EURUSD.csv');
    writeFileSync(file, candles(4_000));
    const { summary, trades, recomputed, explanations, predictions } = await replay(file, join(folder, 'data'), await freePort());
    expect(summary).toMatchObject({ complete: true, candles: 4_000, trades: trades.length, unsentFacts: 0, rejectedFacts: 0 });
    expect(trades.length).toBeGreaterThan(5);
    expect(trades.every((trade) => trade.status === 'closed' && trade.sourceTime.startsWith('2024-'))).toBe(true);
    expect(explanations).toEqual({ entry: trades.length, exit: trades.length });
    expect(predictions).toBeGreaterThan(trades.length);
    expect(summary.net).toBe(recomputed);
  }, 120_000);
});
