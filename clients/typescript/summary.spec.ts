import { describe, expect, it } from '@jest/globals';
import { instrumentFor } from './instrument.js';
import { sumTrades, type TradeRow } from './summary.js';

const EURUSD = instrumentFor('EURUSD');
const row = (change: Partial<TradeRow>): TradeRow => ({
  id: 'a', clientOrderId: 'r-1-long', status: 'closed', direction: 'long', lotSize: '0.10', entryPrice: '1.00000', exitPrice: '1.00100', ...change,
});

describe('a summary', () => {
  it('adds up from the prices of the trades, to the cent', () => {
    const sums = sumTrades(
      [
        row({ netProfit: '10.00' }),
        row({ direction: 'short', netProfit: '-10' }),
        row({ exitPrice: '1.00000', netProfit: '0.00' }),
        row({ lotSize: '0.03', exitPrice: '1.00033', netProfit: '0.99' }),
        row({ status: 'open', exitPrice: null }),
        row({ origin: 'external', netProfit: '10.00' }),
      ],
      EURUSD,
    );
    expect(sums).toEqual({
      trades: 5, wins: 3, losses: 1, even: 1, gross: '10.99', costs: '0.00', net: '10.99', openTrades: 1, external: { trades: 1, net: '10.00' }, mismatches: [],
    });
  });

  it('takes commission off, whatever its sign', () => {
    expect(sumTrades([row({ commission: '0.70', netProfit: '9.30' })], EURUSD)).toMatchObject({ gross: '10.00', costs: '0.70', net: '9.30', mismatches: [] });
    expect(sumTrades([row({ commission: '-0.70', netProfit: '9.30' })], EURUSD)).toMatchObject({ costs: '0.70', net: '9.30', mismatches: [] });
  });

  it('names a trade whose profit on the server is not what its prices say', () => {
    expect(sumTrades([row({ netProfit: '10.01' })], EURUSD).mismatches).toEqual(['a: 10.01 on the server, 10.00 by its prices']);
  });
});
