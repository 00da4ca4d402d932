import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadMemory } from './agent-memory.js';
import { instrumentFor } from './instrument.js';
import { PaperBroker } from './paper-broker.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const stored = (memory: unknown) => writeFileSync(join(folder, 'state.json'), JSON.stringify(memory));

describe('a state file', () => {
  it('of the version before is taken over, with an open position whose profit comes into the balance when it is closed', () => {
    const old = {
      clientOrderId: 'r-1', brokerOrderId: 'O1', brokerPositionId: 'P2', direction: 'long', lotSize: '0.10', openLots: '0.06', entry: 1_000_050, stop: 998_050, target: 1_004_050,
      openedIndex: 1, commissionPerLot: '3.5', parts: [{ lots: '0.04', exit: 1_001_000, dealId: 'D4' }],
    };
    const broker = { initialBalance: '10000.00', balance: '10000.00', positions: [old], lastNumber: 4, quote: { bid: 1_002_000, ask: 1_002_100 }, deals: [{ dealId: 'D3' }] };
    stored({ format: 1, factSeq: 7, config: {}, done: [], run: { tag: 'r', lastCycleAt: '2026-01-01T00:00:00.000Z', broker } });
    const memory = loadMemory(folder);
    expect(memory).toMatchObject({ format: 3, factSeq: 7, proposal: null, asked: [], sent: [], owed: [], run: { proposals: 0, handOpenedIndex: null, broker: { deals: [], positions: [{ openedAt: '2026-01-01T00:00:00.000Z' }] } } });
    const state = memory.run!.broker;
    const made = new PaperBroker(state, instrumentFor('EURUSD'), 'paper-r', () => '2026-01-01T00:00:00Z');
    // 0.04 x 0.00095 and 0.06 x 0.00195 of 100,000, less 0.70 for both sides.
    expect(made.close(state.positions[0]!, 'operator')).toMatchObject({ gross: '15.50', commission: '0.70', net: '14.80' });
    expect(state.balance).toBe('10014.80');
  });

  it('of another version is left alone', () => {
    stored({ format: 4 });
    expect(() => loadMemory(folder)).toThrow('another version');
  });
});
