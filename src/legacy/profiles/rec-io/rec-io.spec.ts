import { describe, expect, it } from '@jest/globals';
import { codes, mapped, sourceOf, tableOf } from '../../../../test/support/mapped-rows.js';
import type { Cell } from '../../source/cell.js';
import { REC_IO } from './profile.js';

type Cells = Record<string, Cell>;

const TRADE: Cells = {
  id: 1n, status: 'closed', date: '2025-08-01', time: '13:05:07', symbol: 'BTC', market: 'Kalshi', trade_strategy: 'Hourly HTC', contract: 'BTC 2pm', strike: '$118,750', side: 'Y', prob: 96.4, diff: '+4', buy_price: 0.92, position: 1n,
  sell_price: 1, closed_at: '14:00:41', fees: 0.01, pnl: 0.07, symbol_open: 118912.35, symbol_close: 118990.1, momentum: 12n, volatility: null, win_loss: 'W', ticker: 'KXBTCD-25AUG0114-T118749.99',
  ticket_id: 'TICKET-1a2b3c4d5-1754067907123', market_id: 'BTC-USD', momentum_delta: null, entry_method: 'auto', close_method: 'expired',
};
const OPEN: Cells = { status: 'open', sell_price: null, closed_at: null, pnl: null, win_loss: null, close_method: null };
const MODE = tableOf('account_mode_state', [{ mode: 'demo' }]);

/** A trade that differs in these, and what else lies in the source. */
const trade = (cells: Cells = {}, ...beside: Parameters<typeof sourceOf>) => mapped(REC_IO, sourceOf(tableOf('trades', [{ ...TRADE, ...cells }]), ...(beside.length > 0 ? beside : [MODE])), 'trades')[0];
const values = (cells?: Cells) => trade(cells)?.trades as Record<string, unknown> | undefined;

describe('a trade of rec_io', () => {
  it('is a binary contract of ours: its market, its side, its money to the cent, its times in UTC', () => {
    expect(trade()).toMatchObject({
      notes: [],
      trades: {
        id: 'trades/1', agent_id: 'agent paper', account_id: 'account paper', client_order_id: 'imported:trades:1', symbol: 'KXBTCD-25AUG0114-T118749.99', direction: 'long', outcome: 'yes', lot_size: '1', entry_price: '0.92',
        entry_time: '2025-08-01T17:05:07Z', execution_mode: 'paper', origin: 'imported', broker_ticket: 'TICKET-1a2b3c4d5-1754067907123', status: 'closed', exit_price: '1', exit_time: '2025-08-01T18:00:41Z',
        exit_reason: 'settlement', gross_profit: '0.08', fee: '-0.01', profit_source: 'told', entered_size: '1', exited_size: '1', request_hash: 'imported', finished_at: '2025-08-01T18:00:41Z',
      },
      trade_transitions: { trade_id: 'trades/1', version: '1', from_status: null, to_status: 'closed', occurred_at: '2025-08-01T18:00:41Z', late: true, actor: 'import' },
    });
  });

  it.each<[string, Cells, Record<string, unknown>, string[]]>([
    ['keeps a ticket that is a number of 64 bits', { ticket_id: 9_007_199_254_740_993n }, { broker_ticket: '9007199254740993' }, []],
    ['has no ticket where that is empty', { ticket_id: '' }, { broker_ticket: null }, ['TEXT_EMPTY']],
    ['has no ticket where that is the pattern which was never filled in', { ticket_id: 'TICKET-{random.getrandbits(32):x}-{int(time.time()*1000)}' }, { broker_ticket: null }, ['TICKET_LITERAL']],
    ['is on the no side', { side: 'N' }, { outcome: 'no' }, []],
    ['is on the yes side in any spelling', { side: 'yes' }, { outcome: 'yes' }, []],
    ['is closed in any spelling', { status: 'CLOSED' }, { status: 'closed' }, []],
    ['has a draw without fees', { buy_price: 0.9, sell_price: 0.9, fees: null, pnl: 0n, win_loss: 'D' }, { gross_profit: '0', fee: null }, ['FEES_MISSING']],
    ['is read in cents where a price is above a dollar', { buy_price: 92, sell_price: 100 }, { entry_price: '0.92', exit_price: '1', gross_profit: '0.08' }, ['PRICE_IN_CENTS', 'PRICE_IN_CENTS']],
    ['takes 1 beside cents for a dollar where the profit says so', { buy_price: 92, sell_price: 1 }, { exit_price: '1' }, ['PRICE_IN_CENTS', 'PRICE_IN_CENTS']],
    ['takes 1 beside cents for a cent where the profit says so', { buy_price: 92, sell_price: 1, pnl: -0.92, win_loss: 'L' }, { exit_price: '0.01', gross_profit: '-0.91' }, ['PRICE_IN_CENTS', 'PRICE_IN_CENTS']],
    ['reads amounts that are written as money', { buy_price: '$0.92', pnl: '$0.07' }, { entry_price: '0.92', gross_profit: '0.08' }, []],
    ['reads an American date and a time without noughts', { date: '08/03/2025', time: '9:05:7', closed_at: '2025-08-03T10:00:31-04:00', ticket_id: null }, { entry_time: '2025-08-03T13:05:07Z', exit_time: '2025-08-03T14:00:31Z' }, ['DATE_RESPELLED']],
    ['reads a date that came with its midnight', { date: '2025-08-01 00:00:00' }, { entry_time: '2025-08-01T17:05:07Z' }, []],
    ['reads a time that came with its date', { time: '2025-08-01T13:05:07.25' }, { entry_time: '2025-08-01T17:05:07.25Z' }, []],
    ['reads 24:00 as the next day', { time: '24:00:00', closed_at: '2025-08-02 00:10:00' }, { entry_time: '2025-08-02T04:00:00Z', exit_time: '2025-08-02T04:10:00Z' }, ['TIME_END_OF_DAY']],
    ['reads a closing time of PostgreSQL', { closed_at: '2025-08-01 18:00:41.5+00' }, { exit_time: '2025-08-01T18:00:41.5Z' }, []],
    ['is closed on the next day where the time of day is earlier', { time: '23:50:00', closed_at: '00:10:00' }, { entry_time: '2025-08-02T03:50:00Z', exit_time: '2025-08-02T04:10:00Z' }, ['CLOSED_NEXT_DAY']],
    ['is closed on the next day at a time of day that was skipped before its entry', { date: '2026-03-08', time: '03:30:00', closed_at: '02:15:00', ticket_id: null }, { entry_time: '2026-03-08T07:30:00Z', exit_time: '2026-03-09T06:15:00Z' }, ['CLOSED_NEXT_DAY']],
    ['is closed at the end of its contract where no time is there', { closed_at: null }, { exit_time: '2025-08-01T18:00:00Z' }, ['EXIT_TIME_OF_CONTRACT']],
    ['has no exit price where none is told', { sell_price: null }, { exit_price: null, exit_reason: 'unknown', gross_profit: '0.08' }, ['EXIT_PRICE_MISSING']],
    ['is computed where no profit is told', { pnl: null, fees: null }, { gross_profit: '0.08', fee: null, profit_source: 'computed' }, ['FEES_MISSING', 'PNL_COMPUTED']],
    ['keeps the old profit where its prices say another', { pnl: 0.5 }, { gross_profit: '0.51', profit_source: 'told' }, ['PNL_DIFFERS']],
    ['loses no digit of the smallest double', { pnl: 1e-320, win_loss: null }, { gross_profit: `0.01${'0'.repeat(317)}1` }, ['PNL_DIFFERS']],
    ['loses no digit of a text', { fees: `0.01${'3'.repeat(80)}` }, { fee: `-0.01${'3'.repeat(80)}`, gross_profit: `0.08${'3'.repeat(80)}` }, []],
    ['forgives half a cent of rounding', { pnl: 0.065 }, { gross_profit: '0.075' }, []],
    ['tells where win and profit differ', { win_loss: 'L' }, { gross_profit: '0.08' }, ['WIN_LOSS_DIFFERS']],
    ['is settled where the view says so', { status: 'settled' }, { status: 'closed' }, []],
    ['was closed by the watcher', { close_method: 'auto' }, { exit_reason: 'supervisor' }, []],
    ['was closed by hand', { close_method: 'MANUAL' }, { exit_reason: 'operator' }, []],
    ['is of the no side twice where its position is below 0', { side: 'N', position: -1n, pnl: null, fees: null }, { outcome: 'no', lot_size: '1' }, ['FEES_MISSING', 'PNL_COMPUTED', 'POSITION_SIGNED']],
    ['is labelled as a test where its strategy says so', { trade_strategy: '*** TEST ***' }, { execution_mode: 'paper' }, ['TEST_STRATEGY']],
    ['is made up where its ticket says so', { ticket_id: 'TEST-TRADE-001-1754100000' }, { execution_mode: 'simulation' }, ['SYNTHETIC']],
    ['stands for its market where nothing names that', { ticker: null, symbol: null }, { symbol: 'UNNAMED-1' }, ['TICKER_MISSING']],
    ['is of its coin where no ticker is there', { ticker: '', symbol: 'btc' }, { symbol: 'BTC' }, ['SYMBOL_RESPELLED', 'TICKER_MISSING']],
  ])('%s', (_name, cells, expected, notes) => {
    const found = trade(cells);
    expect(found?.trades).toMatchObject(expected);
    expect(found && codes(found)).toEqual(notes);
  });

  it.each<[string, Cells, Record<string, unknown>, string[]]>([
    ['open', OPEN, { status: 'unknown', entered_size: '1', gross_profit: null, fee: '-0.01', exit_time: null, finished_at: null }, []],
    ['closing', { ...OPEN, status: 'closing' }, { status: 'unknown', entered_size: '1' }, []],
    ['pending', { ...OPEN, status: 'pending' }, { status: 'unknown', entered_size: null }, []],
    ['in error with a trace of a fill', { ...OPEN, status: 'error', fees: null }, { status: 'unknown' }, ['ERROR_MAY_BE_FILLED']],
    ['in error without any trace', { ...OPEN, status: 'error', fees: null, diff: null }, { status: 'rejected', finished_at: '2025-08-01T17:05:07Z', exited_size: null, entered_size: null }, ['ERROR_NOT_FILLED']],
    ['expired without a result', { ...OPEN, status: 'expired' }, { status: 'unknown' }, ['SETTLEMENT_UNKNOWN']],
    ['expired with a win', { ...OPEN, status: 'expired', win_loss: 'W' }, { status: 'closed', exit_price: '1', exit_reason: 'settlement', gross_profit: '0.08' }, ['EXIT_TIME_OF_CONTRACT', 'PNL_COMPUTED', 'SETTLED_BY_RESULT']],
    ['expired with a loss', { ...OPEN, status: 'expired', win_loss: 'L' }, { status: 'closed', exit_price: '0', gross_profit: '-0.92' }, ['EXIT_TIME_OF_CONTRACT', 'PNL_COMPUTED', 'SETTLED_BY_RESULT']],
    ['expired with its profit alone', { ...OPEN, status: 'expired', pnl: -0.93 }, { status: 'closed', exit_price: '0' }, ['EXIT_TIME_OF_CONTRACT', 'SETTLED_BY_RESULT']],
    ['expired and paid', { ...OPEN, status: 'expired', sell_price: 1, closed_at: '14:00:10' }, { status: 'closed', exit_price: '1', exit_reason: 'settlement' }, ['PNL_COMPUTED']],
  ])('that is %s comes in as what is known of it', (_name, cells, expected, notes) => {
    const found = trade(cells);
    expect(found?.trades).toMatchObject(expected);
    expect(found && codes(found)).toEqual(notes);
  });

  it('in error waits as unknown where its table has no column that would show a fill', () => {
    const beta = Object.fromEntries(Object.entries({ ...TRADE, ...OPEN, status: 'error' }).filter(([name]) => name !== 'fees' && name !== 'diff'));
    expect(mapped(REC_IO, sourceOf(tableOf('trades', [beta]), MODE), 'trades')[0]).toMatchObject({ trades: { status: 'unknown' }, notes: [expect.stringMatching(/^ERROR_MAY_BE_FILLED: .* neither fees nor diff/)] });
  });

  it.each<[string, Cells, string]>([
    ['no side', { side: null }, 'OUTCOME_MISSING'],
    ['another side', { side: 'long' }, 'VALUE_UNKNOWN'],
    ['a position of the other side', { position: -1n }, 'OUTCOME_CONTRADICTED'],
    ['no contract', { position: 0n }, 'SIZE_ZERO'],
    ['half a contract', { position: 0.5 }, 'NUMBER_NOT_WHOLE'],
    ['no position', { position: null }, 'VALUE_MISSING'],
    ['a price above 100 cents', { buy_price: 101 }, 'PRICE_OUT_OF_RANGE'],
    ['a price below 0', { buy_price: -0.5 }, 'PRICE_OUT_OF_RANGE'],
    ['a price of nothing', { buy_price: 0n }, 'PRICE_OUT_OF_RANGE'],
    ['a unit that nobody says', { buy_price: 92, sell_price: 1, pnl: null }, 'PRICE_UNIT_UNKNOWN'],
    ['an infinite price', { buy_price: Infinity }, 'NUMBER_NOT_FINITE'],
    ['no status', { status: null }, 'VALUE_MISSING'],
    ['another status', { status: 'filled?' }, 'VALUE_UNKNOWN'],
    ['no date', { date: null }, 'VALUE_MISSING'],
    ['no time', { time: null }, 'VALUE_MISSING'],
    ['a day that there is not', { date: '2025-02-30' }, 'TIME_INVALID'],
    ['an hour that was skipped', { date: '2025-03-09', time: '02:30:00' }, 'TIME_SKIPPED'],
    ['an end at a time of day that was skipped behind its entry', { date: '2026-03-08', time: '01:30:00', closed_at: '02:15:00', ticket_id: null }, 'TIME_SKIPPED'],
    ['no end and no ticker that says it', { closed_at: null, ticker: 'BTC-51234-3pm' }, 'EXIT_TIME_MISSING'],
    ['a ticket that lost its digits', { ticket_id: 1e17 }, 'TICKET_INEXACT'],
  ])('with %s is refused', (_name, cells, code) => {
    expect(trade(cells)).toMatchObject({ reject: code });
  });

  it.each<[string, Cells, string, string]>([
    ['the first where nothing says which', { ticket_id: null }, '2025-11-02T05:30:00Z', 'the first is taken'],
    ["the second where the ticket's own time is near it", { ticket_id: 'TICKET-ddd-1762065000000' }, '2025-11-02T06:30:00Z', "the second is taken, which the ticket's own time says"],
    ["the first where the ticket's own time is near that", { ticket_id: 'TICKET-ddd-1762061400000' }, '2025-11-02T05:30:00Z', "the first is taken, which the ticket's own time says"],
    ['the first where the ticket is of another day', { ticket_id: 'TICKET-ddd-1754067907123' }, '2025-11-02T05:30:00Z', 'the first is taken'],
  ])('in the repeated hour of November is %s, and it is noted', (_name, cells, time, sentence) => {
    const found = trade({ ...OPEN, ...cells, date: '2025-11-02', time: '01:30:00' });
    expect(found).toMatchObject({ trades: { entry_time: time }, notes: [`TIME_REPEATED: time 2025-11-02 01:30:00 in America/New_York is two instants; ${sentence}`] });
  });

  it('ends in the second of the two hours where the first is before its entry', () => {
    const cells = { date: '2025-11-02', time: '01:50:00', closed_at: '01:10:00', ticket_id: null };
    expect(trade(cells)).toMatchObject({ trades: { entry_time: '2025-11-02T05:50:00Z', exit_time: '2025-11-02T06:10:00Z' } });
  });

  it('shares its ticket with another, and both are kept', () => {
    const rows = ['TICKET-a-1', 'TICKET-b-1', 'TICKET-a-1', null].map((ticket, place) => ({ ...TRADE, id: BigInt(place + 1), ticket_id: ticket }));
    expect(mapped(REC_IO, sourceOf(tableOf('trades', rows), MODE), 'trades').map(codes)).toEqual([['TICKET_REPEATED'], [], ['TICKET_REPEATED'], []]);
  });

  it.each([
    ['prod', 'live', []], ['demo', 'paper', []], ['PROD', 'live', []], ['?', 'live', ['MODE_NOT_SAID']],
  ])('of an account in mode %s is %s', (mode, ours, notes) => {
    const found = trade({}, tableOf('data/account_mode_state.json', [{ mode }]));
    expect(found).toMatchObject({ trades: { execution_mode: ours } });
    expect(found && codes(found)).toEqual(notes);
  });

  it.each<[string, string | null, string]>([
    ['paid', 'no', '1'], ['did not pay', 'yes', '0'],
  ])('that expired %s where the exchange settled its market so', (_name, result, price) => {
    const settlements = tableOf('settlements', [{ id: 1n, ticker: TRADE.ticker ?? null, market_result: result, revenue: 1 }]);
    expect(trade({ ...OPEN, status: 'expired', side: 'N' }, settlements, MODE)).toMatchObject({ trades: { status: 'closed', exit_price: price } });
  });

  it('that expired stays unknown where its market was settled twice and differently', () => {
    const settlements = tableOf('settlements', ['yes', 'no'].map((result, place) => ({ id: BigInt(place), ticker: TRADE.ticker ?? null, market_result: result, revenue: 1 })));
    expect(trade({ ...OPEN, status: 'expired' }, settlements, MODE)).toMatchObject({ trades: { status: 'unknown' } });
  });

  it('says of every column that it has what is done with it', () => {
    const table = tableOf('trades', [TRADE]);
    expect(table.columns.filter((name) => REC_IO.mapping(table, '', sourceOf(table))?.columns[name] === undefined)).toEqual([]);
  });

  it('compares its ticket by all its digits', () => expect(values({ ticket_id: '00170001' })).toMatchObject({ broker_ticket: '00170001' }));
});

describe('the other tables of rec_io', () => {
  const active = (tradeId: Cell) => tableOf('active_trades', [{ id: 3n, trade_id: tradeId, ticket_id: 'T', date: '2025-08-01', time: '08:00:00', strike: '$117,000', side: 'N', buy_price: 0.9, position: 1n, ticker: 'KX-1', status: 'active', notes: null }]);

  it.each<[string, Cell, Record<string, unknown>]>([
    ['is archived where its trade is there', 1n, { archive: 'MIRROR_OF_TRADE: the trade 1 comes in from its own table' }],
    ['is archived where its trade is named by text', '1', { archive: 'MIRROR_OF_TRADE: the trade 1 comes in from its own table' }],
    ['is archived where pandas wrote its trade as a double', '1.0', { archive: 'MIRROR_OF_TRADE: the trade 1 comes in from its own table' }],
    ['comes in as unknown where its trade is gone', 999n, { trades: { status: 'unknown', outcome: 'no', entry_time: '2025-08-01T12:00:00Z', entered_size: '1' } }],
  ])('a watched trade %s', (_name, tradeId, expected) => {
    const watched = active(tradeId);
    expect(mapped(REC_IO, sourceOf(tableOf('trades', [TRADE]), watched, MODE), 'active_trades')[0]).toMatchObject(expected);
  });

  it('a watched trade comes in as unknown where its trade is refused: with rejects accepted, the position would count for nothing', () => {
    const [mirror] = mapped(REC_IO, sourceOf(tableOf('trades', [{ ...TRADE, status: null }]), active(1n), MODE), 'active_trades');
    expect(mirror).toMatchObject({ trades: { status: 'unknown', outcome: 'no' } });
  });

  it('watched trades are only kept where the trades are in a file of their own', () => {
    const watched = active(1n);
    expect(mapped(REC_IO, sourceOf(watched), 'active_trades')[0]?.archive).toContain('in a file of their own');
  });

  it.each<[string, Cells, Record<string, unknown>]>([
    ['with an offset', { timestamp: '2025-08-01T12:00:00-04:00' }, { captured_at: '2025-08-01T16:00:00Z', balance: '502.31', equity: '502.31', sender: 'agent paper' }],
    ['of a clock in New York', { timestamp: '2025-08-01T14:01:00' }, { captured_at: '2025-08-01T18:01:00Z' }],
    ['of half a cent', { timestamp: '2025-08-01T14:01:00', balance: 50231.5 }, { balance: '502.315' }],
  ])('a balance in cents %s is a snapshot of the account', (_name, cells, expected) => {
    const balances = tableOf('balance_history', [{ id: 1n, balance: 50231, created_at: '2025-08-01 16:00:00', ...cells }]);
    expect(mapped(REC_IO, sourceOf(balances, MODE), 'balance_history')[0]).toMatchObject({ snapshot_account: expected, notes: [expect.stringContaining('EQUITY_MISSING')] });
  });

  it('files in the folder of the demo account are paper, whatever the mode is now', () => {
    const name = 'accounts/kalshi/demo/b.db/balance_history';
    const balances = tableOf(name, [{ id: 1n, balance: 1, timestamp: '2025-08-01T14:01:00' }]);
    expect(mapped(REC_IO, sourceOf(balances, tableOf('account_mode', [{ mode: 'prod' }])), name)[0]).toMatchObject({ snapshot_account: { account_id: 'account paper' } });
  });

  it.each([
    ['data/btc_1m_master_5y.csv', 'BTC-USD'], ['eth_1m_master_5y.csv', 'ETH-USD'], ['data/btc/btcusd_1m_master_5y.csv', 'BTC-USD'], ['btc_price_history', 'BTC-USD'],
  ])('minutes in %s are candles of %s, in UTC', (name, symbol) => {
    const candles = tableOf(name, [{ timestamp: '2021-03-14 02:30:00', open: '100.1', high: '101', low: '99', close: '100.5', volume: '1.25' }]);
    expect(REC_IO.mapping(candles, '', sourceOf(candles))?.bulk).toBe(true);
    expect(mapped(REC_IO, sourceOf(candles), name)[0]).toMatchObject({
      snapshot_market: { symbol, timeframe: 'M1', open_time: '2021-03-14T02:30:00Z', close_time: '2021-03-14T02:31:00Z', captured_at: '2021-03-14T02:31:00Z', open: '100.1', close: '100.5', volume: '1.25' }, notes: [],
    });
  });

  it('candles with a momentum keep their old row, and those of no coin are only kept', () => {
    const candle = { timestamp: '2021-03-14 02:30:00', open: '1', high: '1', low: '1', close: '1', volume: '', momentum: '0.3' };
    const [known, unknown] = [tableOf('btc_1m.csv', [candle]), tableOf('candles.csv', [candle])];
    expect(REC_IO.mapping(known, '', sourceOf(known))?.bulk).toBe(false);
    expect(REC_IO.mapping(unknown, '', sourceOf(unknown))?.as).toMatchObject({ archive: expect.stringContaining('which coin') });
  });

  it('a trade of the installer has a side and no end', () => {
    const row = { id: 1n, user_id: 'u', symbol: 'BTC', side: 'YES', quantity: 2n, price: 0.5, timestamp: '2025-08-01 13:00:00', status: 'open', test_filter: 1n };
    const made = (cells: Cells) => mapped(REC_IO, sourceOf(tableOf('trades', [{ ...row, ...cells }]), MODE), 'trades')[0];
    expect(made({})).toMatchObject({ trades: { status: 'unknown', outcome: 'yes', lot_size: '2', entry_price: '0.5', entry_time: '2025-08-01T17:00:00Z', execution_mode: 'simulation' } });
    expect(made({ side: 'buy' })).toMatchObject({ reject: 'VALUE_UNKNOWN' });
    expect(made({ status: 'closed' })).toMatchObject({ reject: 'EXIT_TIME_MISSING' });
  });

  it.each<[string, string]>([
    ['id ticker total_traded position market_exposure realized_pnl', 'positions'], ['id trade_id data', 'fills as JSON'], ['id user_id market_id amount created_time updated_time', 'settlements as ingested'],
    ['timestamp price', 'price log'], ['id timestamp market_ticker yes_bid dollar_volume_delta', 'websocket market data'],
  ])('one with %s is known by its columns, and kept', (columns, shape) => {
    const table = tableOf('anything', [Object.fromEntries(columns.split(' ').map((name) => [name, null]))]);
    expect(REC_IO.recognise(sourceOf(table))).toMatchObject({ shape, tables: 1 });
    expect(REC_IO.mapping(table, '', sourceOf(table))?.as).toHaveProperty('archive');
  });

  it('of another system is not recognised', () => {
    expect(REC_IO.recognise(sourceOf(tableOf('trades', [{ id: 1n, symbol: 'EURUSD', direction: 'long', entry_price: 1, status: 'open' }]), tableOf('orders', [{ id: 1n, side: 'BUY', qty: 1n }])))).toBeNull();
  });
});
