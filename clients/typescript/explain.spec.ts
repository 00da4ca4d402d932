import { describe, expect, it } from '@jest/globals';
import { explainEntry, explainExit } from './explain.js';
import { fillFact } from './facts.js';
import { instrumentFor, parsePoints } from './instrument.js';
import type { ClosedTrade, Deal, Position } from './paper-broker.js';
import { DEFAULT_CONFIG } from './strategy.js';

const EURUSD = instrumentFor('EURUSD');
const points = (price: string) => parsePoints(price, EURUSD);

const position = (change: Partial<Position> = {}): Position => ({
  clientOrderId: 'r-00012-long', brokerOrderId: 'O1', brokerPositionId: 'P2', direction: 'long', lotSize: '0.10', openLots: '0',
  entry: points('1.09328'), stop: points('1.09241'), target: points('1.09502'), openedIndex: 12, openedAt: '2026-01-01T00:00:00.000Z',
  commissionPerLot: '0', parts: [], booked: { profit: '0', commission: '0' }, ...change,
});
const closed = (change: Partial<ClosedTrade> = {}): ClosedTrade => ({
  position: position(), reason: 'target', exit: String(points('1.09502')), dealId: 'D4', gross: '17.40', commission: '0.00', net: '17.40', ...change,
});

describe('an entry in words', () => {
  const reading = { close: points('1.09325'), fast: 1_092_167.4, slow: 1_092_019, rsi: 63.64, atr: 436.2, cross: 'up' } as const;
  const { explanation, confidenceFactors, riskFactors } = explainEntry(
    { position: position(), reading, config: DEFAULT_CONFIG, spread: 70, confidence: '0.4800', outcomes: 40 }, EURUSD,
  );

  it('says which rule fired, with its numbers, and what is risked for what', () => {
    expect(explanation).toBe(
      'Went long 0.10 lots of EURUSD at 1.09328, because the 12-candle average (1.092167) crossed above the 48-candle average ' +
        '(1.092019) and the RSI of 63.6 is above 50 without being above 70. The stop at 1.09241 risks 8.7 pips (2 average ranges ' +
        'of 4.4 pips, at least three spreads) for 17.4 pips to the target at 1.09502.',
    );
  });

  it('lists the numbers one by one too', () => {
    expect(confidenceFactors).toMatchObject({ confidence: '0.4800', outcomesCounted: '40', rsi: '63.6', marketRegime: 'ranging' });
    expect(riskFactors).toEqual({ stopPips: '8.7', targetPips: '17.4', spreadPips: '0.7', averageRangePips: '4.4' });
  });
});

describe('an exit in words', () => {
  it('says why, and does the sum that gives the profit', () => {
    expect(explainExit(closed(), 3, EURUSD).explanation).toBe(
      'Left the long trade at 1.09502 after 3 candles, because the price reached the target: 17.4 pips. ' +
        '(1.09502 - 1.09328) x 0.10 lots x 100000 = 17.40 USD, so 17.40 USD net.',
    );
  });

  it('turns the sum round for a short, names a gap, and takes off the commission', () => {
    const short = position({ direction: 'short', stop: points('1.09400'), commissionPerLot: '3.5' });
    const trade = closed({ position: short, reason: 'stop', exit: String(points('1.09450')), gross: '-12.20', commission: '0.70', net: '-12.90' });
    expect(explainExit(trade, 1, EURUSD).explanation).toBe(
      'Left the short trade at 1.09450 after 1 candle, because the price reached the stop (1.09400, jumped over by a gap): -12.2 pips. ' +
        '(1.09328 - 1.09450) x 0.10 lots x 100000 = -12.20 USD, less 0.70 commission, so -12.90 USD net.',
    );
  });

  it('is told as a fill with costs as negative numbers, so that net is the sum of profit and costs', () => {
    const stamp = { now: '2026-01-01T00:00:00.000Z', sourceTime: '2022-08-18T00:00:00.000Z' };
    const deal: Deal = {
      dealId: 'D4', brokerPositionId: 'P2', brokerOrderId: 'O1', clientOrderId: 'r-00012-long', byHand: false, direction: 'long', role: 'exit', price: points('1.09500'),
      requested: points('1.09502'), lots: '0.10', profit: '17.20', commission: '0.35', exitReason: 'target', at: stamp.now,
    };
    expect(fillFact(deal, EURUSD, stamp)).toEqual({
      path: '/trades/{trade:r-00012-long}/fills',
      body: {
        brokerDealId: 'D4', role: 'exit', price: '1.09500', requestedPrice: '1.09502', size: '0.10', profit: '17.20', commission: '-0.35', swap: '0.00', exitReason: 'target',
        at: stamp.now, brokerPositionId: 'P2', sourceTime: stamp.sourceTime,
      },
    });
    expect(fillFact({ ...deal, commission: '0.00' }, EURUSD, { ...stamp, sourceTime: null }).body).toMatchObject({ commission: '0.00' });
  });
});
