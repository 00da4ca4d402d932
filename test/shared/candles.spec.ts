import { existsSync, mkdtempSync, readdirSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { replay } from '../demo/replay.js';
import { freePort } from '../support/server-process.js';

/** Real candles lie beside the project, not in it. */
const FOLDER = join(process.cwd(), '..', 'shared', 'data', 'candles');
const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.endsWith('.csv')) : [];

describe('a month of real candles', () => {
  it(files.length > 0 ? 'ends with trades, explanations and a profit that a reader can recompute' : 'is not here: nothing was checked', async () => {
    for (const name of files) {
      const folder = mkdtempSync(join(tmpdir(), 'tradewarden-candles-'));
      chmodSync(folder, 0o755);
      try {
        const { summary, trades, recomputed, explanations } = await replay(join(FOLDER, name), join(folder, 'data'), await freePort());
        expect(summary).toMatchObject({ complete: true, trades: trades.length, net: recomputed, unsentFacts: 0, rejectedFacts: 0 });
        expect(trades.length).toBeGreaterThan(10);
        const own = trades.filter(({ origin }) => origin !== 'external');
        expect(explanations).toMatchObject({ entry: own.length, exit: own.length });
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  });
});
