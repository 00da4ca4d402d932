import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalSymbol, currencyPair, symbolKey } from './canonical-symbol.js';

const key = (written: string): string | null => {
  const found = canonicalSymbol(written);
  return found && symbolKey(found);
};

describe('a canonical symbol', () => {
  it.each([
    ['EURUSD', 'eurusd', 'EurUsd', ' EURUSD ', 'eur/usd', 'EUR/USD', 'EUR_USD', 'EUR-USD', 'EUR.USD', 'EUR USD', 'EURUSD=X'],
    ['EURUSD', 'EURUSD.m', 'EURUSD.M', 'eurusd.m', 'EURUSD.pro', 'EURUSD.PRO', 'EURUSD_i', 'EURUSD-Pro', 'EURUSD.ecn', 'EURUSD.raw', 'EURUSD.r', 'EURUSD.a', 'EURUSD.fx', 'EUR/USD.m'],
    ['EURUSD', 'EURUSDm', 'EURUSDc', 'EURUSDpro', 'EURUSDmicro', 'EURUSDecn', 'EURUSDi'],
    ['EURUSD', 'EURUSD#', 'EURUSD+', 'EURUSD.', 'EURUSD!', '#EURUSD', '.EURUSD', 'EURUSD.m#', 'EURUSDm#', 'mEURUSD', 'mEURUSD.r', 'frxEURUSD'],
    ['EURUSD', 'OANDA:EURUSD', 'FX:EURUSD', 'FX_IDC:EURUSD', 'fx:eurusd', 'C:EURUSD', 'OANDA:EUR_USD'],
    ['XAUUSD', 'XAU/USD', 'XAUUSD.raw', 'XAUUSDm', 'XAUUSD+', 'OANDA:XAUUSD'],
    ['USDJPY', 'usdjpy.std', 'USD.JPY'],
  ])('%s is also what marks of brokers, groups and feeds stand on', (canonical, ...written) => {
    expect(written.map((each) => [each, key(each)])).toEqual(written.map((each) => [each, canonical]));
  });

  it.each([
    ['NSE:INFY', 'NSE:INFY', 'nse:infy', ' nse:INFY ', 'NSE:infy'],
    ['BSE:INFY', 'BSE:INFY'],
    ['NSE:M&M', 'NSE:M&M'],
    ['NSE:BAJAJ-AUTO', 'NSE:BAJAJ-AUTO'],
    ['BINANCE:BTCUSDT', 'BINANCE:BTCUSDT', 'binance:btcusdt'],
    ['CME_MINI:ES1!', 'CME_MINI:ES1!'],
    ['CME_MINI:ESZ2025', 'CME_MINI:ESZ2025'],
    ['NSE:USDINR', 'NSE:USDINR'],
    ['KALSHI:KXBTCD-25AUG0312-T114249.99', 'KALSHI:KXBTCD-25AUG0312-T114249.99'],
  ])('%s keeps its exchange', (canonical, ...written) => {
    expect(written.map((each) => key(each))).toEqual(written.map(() => canonical));
  });

  it.each([
    // Another instrument, or nobody can say.
    'EURUSDT', 'EURUSDt', 'EURUSDC', 'EURUSDM', 'EURUSD-OTC', 'EURUSD_otc', 'EURUSD.f', 'EURUSD.FUT', 'EURUSD_SB', 'EURUSD-T1', 'EURUSD_260918', 'XAUUSDz25', 'XAUUSDZ25.sim',
    // Coins.
    'BTCUSD', 'BTC-USD', 'BTC/USD', 'BTCUSDT', 'BTCUSDm', 'XBTUSD', 'BTC-USD-SWAP', 'BTC-PERP', 'BTC/USDT:USDT', 'tAAVE:USD', 'BTC:USD', 'kPEPE',
    // Companies, indices, names.
    'AAPL', 'BRK.B', 'BRKa.N', 'VOD.L', 'RY.TO', '#AAPL', '^GSPC', 'GOLD', 'US30', 'US30.cash', 'GER40.m', 'DE40', 'M', 'M&M', 'NVIDIA',
    // Dated.
    'ESZ5', 'ESZ2025', '6EZ5', 'ES1!', 'ES=F', 'EUR=X', 'NIFTY25AUGFUT', 'USDINR25AUGFUT', 'NIFTY25AUG24500CE', 'AAPL250919C00230000',
    // Markets of Kalshi.
    'KXBTCD-25AUG0312-T114249.99', 'KXHIGHNY-25AUG03-B86.5', 'KXEURUSDH-25AUG0310-T1.16000',
  ])('stays as it is written: %s', (written) => {
    expect(canonicalSymbol(written)).toEqual({ symbol: written, exchange: null });
  });

  it('may have its exchange said beside it, and then is at no other', () => {
    const at = (written: string, exchange: string) => {
      const found = canonicalSymbol(written, exchange);
      return found && [found.exchange, found.symbol];
    };
    expect([at('infy', 'NSE'), at('NSE:INFY', 'NSE'), at('USDINR', 'NSE'), at('USD', 'ARCA'), at('AAVE:USD', 'BITFINEX'), at('eur/usd', 'OANDA'), at('BSE:INFY', 'NSE')]).toEqual([
      ['NSE', 'INFY'], ['NSE', 'INFY'], ['NSE', 'USDINR'], ['ARCA', 'USD'], ['BITFINEX', 'AAVE:USD'], [null, 'EURUSD'], null,
    ]);
  });

  it('is in capitals when all of it was written small', () => {
    expect([key('btcusdt'), key('kxhighny-25aug03-b86.5'), key('brk.b'), key('eurusdm')]).toEqual(['BTCUSDT', 'KXHIGHNY-25AUG03-B86.5', 'BRK.B', 'EURUSDM']);
  });

  it.each(['', ' ', '{{ticker}}', '{{exchange}}:{{ticker}}', 'A B', "'; drop table trades; --", '...', ':', 'ＥＵＲＵＳＤ', 'EURUSD\u0000', 'x'.repeat(65), 'EUR\nUSD', '€'])('is nothing that could be one: %j', (written) => {
    expect(canonicalSymbol(written)).toBeNull();
  });

  it('never changes when it is taken again, whatever was written', () => {
    const parts = fc.constantFrom('EUR', 'USD', 'usd', 'BTC', 'm', '.', '/', '_', '-', '#', ':', 'NSE', 'OANDA', 'pro', '=X', '!', '1', 'Z5', 'frx', ' ');
    const written = fc.oneof(fc.array(parts, { minLength: 1, maxLength: 7 }).map((list) => list.join('')), fc.string({ unit: 'grapheme-ascii', maxLength: 20 }));
    fc.assert(fc.property(written, (text) => {
      const once = key(text);
      return once === null || key(once) === once;
    }), { numRuns: 2_000 });
  });

  it('merges nothing but spellings of the same pair: the letters of what it answers stood in what was written', () => {
    const text = fc.string({ unit: fc.constantFrom(...'EURUSDBTCeurusdm.#_-:1'), minLength: 1, maxLength: 14 });
    fc.assert(fc.property(text, (written) => {
      const found = canonicalSymbol(written);
      if (!found) return true;
      const plain = (given: string) => given.toUpperCase().replace(/[^A-Z0-9]/g, '');
      return plain(written).includes(plain(found.symbol)) && (currencyPair(found.symbol) !== null || written.toUpperCase().endsWith(found.symbol.toUpperCase()));
    }), { numRuns: 2_000 });
  });
});

describe('a pair of currencies', () => {
  it('is two different ones that are traded', () => {
    expect(currencyPair('EURUSD')).toEqual({ base: 'EUR', quote: 'USD' });
    expect(currencyPair('xau/usd')).toEqual({ base: 'XAU', quote: 'USD' });
    for (const none of ['USDUSD', 'BTCUSD', 'NVIDIA', 'EURUS', 'EURUSDT', 'EUR//USD', '']) expect([none, currencyPair(none)]).toEqual([none, null]);
  });
});
