import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Proof } from '../../src/legacy/proof/proof.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { OldImport, oldSystem } from '../support/imported.js';

let t: TestApp;
let run: OldImport;
beforeAll(async () => {
  t = await startTestApp();
  run = await new OldImport(t, oldSystem().filter(({ name }) => name === 'signals' || name === 'candles')).load();
  await t.db.query(`insert into predictions (id, agent_id, model, symbol, predicted_at, direction, confidence, should_trade, threshold_used)
    select gen_random_uuid(), a.id, 'm', 'S' || n % 500, timestamptz '2025-01-01' + n * interval '1 minute', 'long', 0.5, true, 0 from generate_series(1, 12000) n, (select $1::uuid as id) a`, [(await t.agent()).id]);
  await t.db.query(`select ensure_snapshot_months('snapshot_market', array['2025-01-01'::date])`);
  await t.db.query(`insert into snapshot_market (id, captured_at, last_captured_at, symbol, timeframe, frame, open_time, close_time, open, high, low, close)
    select gen_random_uuid(), c.at, c.at, 'S' || n % 5, 'M1', 'M1', c.at, c.at + interval '1 minute', 1, 1, 1, 1 from generate_series(1, 12000) n, lateral (select timestamptz '2025-01-01Z' + n * interval '1 minute' as at) c`);
  await t.db.query('analyze');
});
afterAll(() => t.close());

const slow = async (damage: string[] = []): Promise<Proof['slowReads']> => (await run.prove(damage)).slowReads;

describe('the main reads of large tables', () => {
  it('have an index each', async () => {
    expect(await slow()).toEqual([]);
  });

  it.each([
    ['predictions of a symbol', ['predictions_symbol_time', 'predictions_time', 'predictions_seq', 'predictions_agent_symbol_time', 'predictions_agent_time', 'predictions_direction_time', 'predictions_cycle']],
    ['latest predictions', ['predictions_time', 'predictions_symbol_time', 'predictions_seq', 'predictions_agent_symbol_time', 'predictions_agent_time', 'predictions_direction_time', 'predictions_cycle']],
  ])('and are named where they lost it: %s', async (what, indexes) => {
    expect(await slow(indexes.map((index) => `drop index ${index}`))).toContain(`${what}: no index serves it`);
  });
});
