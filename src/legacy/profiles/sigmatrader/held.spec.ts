import { describe, expect, it } from '@jest/globals';
import { outcomeOf, type Rows } from '../../../../test/support/sigmatrader-rows.js';
import type { Cell } from '../../source/cell.js';

const codeOf = (archived: string | undefined) => archived?.split(':')[0];

describe("the broker's positions", () => {
  const position = (more: Record<string, Cell> = {}) => ({ broker_name: 'zerodha', symbol: 'INFY', exchange: 'NSE', product: 'MIS', qty: 10, avg_price: 1500.05, pnl: 12.5, last_updated: '2026-11-19 10:00:00.000000', ...more });

  it('are trades nobody knows the end of, bought where the size is above 0 and sold where it is below', () => {
    const bought = outcomeOf('positions', position());
    expect(bought.values).toMatchObject({
      id: 'positions#1', agent_id: 'live agent', account_id: 'live account', symbol: 'INFY', exchange: 'NSE', product: 'MIS', direction: 'long', lot_size: '10', entry_price: '1500.05', execution_mode: 'live', origin: 'imported',
      status: 'unknown', broker: 'zerodha', client_order_id: 'imported:positions:1', created_at: '2026-11-19T10:00:00Z',
    });
    expect(bought.values).not.toHaveProperty('gross_profit');
    expect(bought.rows?.[1]).toMatchObject({ table: 'trade_transitions', values: { trade_id: 'positions#1', version: '1', from_status: null, to_status: 'unknown', late: true, actor: 'import' } });
    expect(outcomeOf('positions', position({ qty: -2.5 })).values).toMatchObject({ direction: 'short', lot_size: '2.5' });
  });

  it.each<[string, Record<string, Cell>, string]>([
    ['of size 0', { qty: 0 }, 'POSITION_FLAT'], ['of size 0.0 as text', { qty: '0.0' }, 'POSITION_FLAT'], ['of no size', { qty: null }, 'POSITION_SIZE_NOT_KNOWN'], ['without a price', { avg_price: null }, 'POSITION_PRICE_NOT_KNOWN'],
    ['of price 0', { avg_price: 0 }, 'POSITION_PRICE_NOT_KNOWN'], ['sold out of a holding', { product: 'CNC', qty: -5 }, 'SALE_OF_HOLDING'], ["sold out of a holding, in another broker's words", { product: 'DELIVERY', qty: -5 }, 'SALE_OF_HOLDING'],
  ])('%s are kept only', (_, more, code) => expect(codeOf(outcomeOf('positions', position(more)).archived)).toBe(code));

  it.each<[string, Record<string, Cell>, RegExp]>([
    ['an infinite size', { qty: Infinity }, /^NUMBER_NOT_FINITE/], ['an infinite price', { avg_price: Infinity }, /^NUMBER_NOT_FINITE/], ['a symbol that is none', { symbol: '{{ticker}}' }, /^SYMBOL_INVALID/],
    ['300 characters of symbol', { symbol: 'A'.repeat(300) }, /^SYMBOL_INVALID/], ['a size no trade can have', { qty: 1e300 }, /^SIZE_OUT_OF_RANGE/],
  ])('with %s are refused, and it says why', (_, more, why) => expect(outcomeOf('positions', position(more)).rejected).toMatch(why));

  it('of one holding count once: the last that was written', () => {
    const others: Rows = { positions: [{ id: 2n, ...position({ symbol: ' nse:infy ', last_updated: '2026-11-19 11:00:00' }) }] };
    expect(outcomeOf('positions', position(), others).archived).toBe('COUNTED_ELSEWHERE: position 2 is of the same holding, and counts');
    expect(outcomeOf('positions', position({ last_updated: '2026-11-19 12:00:00' }), others).values).toMatchObject({ lot_size: '10' });
  });
});

describe('a position that the old system watched', () => {
  const watched = (more: Record<string, Cell> = {}) => ({
    user_id: 1n, entry_order_id: 7n, broker_name: 'zerodha', symbol: 'NSE:INFY', exchange: 'NSE', product: 'MIS', side: 'BUY', qty: 10, execution_target: 'LIVE', risk_spec_json: '{}', entry_price: 100.1, stop_distance: 0.2, trail_distance: null,
    best_favorable_price: 101, trail_price: null, is_trailing_active: 0n, status: 'ACTIVE', created_at: '2026-11-19 04:00:00.123456', updated_at: '2026-11-19 05:00:00', ...more,
  });
  const position = { id: 3n, broker_name: 'Zerodha', symbol: 'INFY', exchange: 'nse', product: 'INTRADAY', qty: 4, avg_price: 100, pnl: 0, last_updated: '2026-11-19 05:00:00' };

  it('is a trade nobody knows the end of, with its stop as a price', () => {
    const { values } = outcomeOf('managed_risk_positions', watched(), { orders: [{ id: 7n, broker_order_id: '2511190001' }] });
    expect(values).toMatchObject({ execution_mode: 'live', direction: 'long', lot_size: '10', entry_price: '100.1', stop_loss: '99.9', first_stop_loss: '99.9', entry_time: '2026-11-19T04:00:00.123456Z', status: 'unknown', broker_order_id: '2511190001' });
    expect(outcomeOf('managed_risk_positions', watched({ side: 'sell' })).values).toMatchObject({ direction: 'short', stop_loss: '100.3' });
    expect(outcomeOf('managed_risk_positions', watched({ is_trailing_active: 1n, trail_price: 100.4 })).values).toMatchObject({ stop_loss: '100.4' });
    expect(outcomeOf('managed_risk_positions', watched({ stop_distance: 500 }))).toMatchObject({ values: { stop_loss: null }, notes: ['STOP_NOT_KNOWN'] });
  });

  it.each(['ACTIVE', 'PAUSED', 'EXITING', ' exiting '])('is one while it is %s', (status) => expect(outcomeOf('managed_risk_positions', watched({ status })).values).toMatchObject({ status: 'unknown' }));

  it.each<[string, Record<string, Cell>, Rows, string]>([
    ['it has ended', { status: 'EXITED' }, {}, 'POSITION_CLOSED'],
    ["the broker's position holds it, in whatever spelling", {}, { positions: [position] }, 'COUNTED_ELSEWHERE'],
    ['its entry was paired with an exit', {}, { analytics_trades: [{ id: 4n, entry_order_id: 7n }] }, 'COUNTED_ELSEWHERE'],
    ['it is of a paper deployment', { execution_target: 'PAPER' }, { orders: [{ id: 7n, deployment_id: 2n }] }, 'COUNTED_ELSEWHERE'],
    ['it has no price', { entry_price: 0 }, {}, 'POSITION_PRICE_NOT_KNOWN'],
  ])('is kept only when %s', (_, more, others, code) => {
    for (const finds of [true, false]) expect(codeOf(outcomeOf('managed_risk_positions', watched(more), others, { finds }).archived)).toBe(code);
  });

  it.each<[string, Record<string, Cell>, Rows]>([
    ['is flat', {}, { positions: [{ ...position, qty: 0 }] }], ['is the other way', {}, { positions: [{ ...position, qty: -4 }] }], ['is of another product', {}, { positions: [{ ...position, product: 'CNC' }] }],
    ['has no price, so that it becomes no trade', {}, { positions: [{ ...position, avg_price: 0 }] }], ['is at another broker', {}, { positions: [{ ...position, broker_name: 'angelone' }] }], ['is real and this one paper', { execution_target: 'PAPER' }, { positions: [position] }],
    ['is a sale out of a holding', { side: 'SELL', product: 'CNC' }, { positions: [{ ...position, product: 'CNC', qty: -4 }] }],
  ])("counts when the broker's position %s", (_, more, others) => expect(outcomeOf('managed_risk_positions', watched(more), others).values).toMatchObject({ status: 'unknown' }));

  it('is refused in a state or with a target that nobody knows', () => {
    expect(outcomeOf('managed_risk_positions', watched({ status: 'HALF' })).rejected).toMatch(/^VALUE_UNKNOWN: status is "HALF"/);
    expect(outcomeOf('managed_risk_positions', watched({ execution_target: 'DEMO' })).rejected).toMatch(/^VALUE_UNKNOWN: execution_target/);
  });
});

describe('what a deployment held', () => {
  const state = (positions: unknown, more: Record<string, Cell> = {}) => ({ deployment_id: 5n, status: 'RUNNING', state_json: JSON.stringify({ version: 1, cash: 5, positions }), updated_at: '2026-11-19 05:00:00', ...more });
  const deployment = (more: Record<string, Cell> = {}): Rows => ({ strategy_deployments: [{ id: 5n, name: 'd', execution_target: 'PAPER', exchange: 'NSE', product: 'MIS', broker_name: 'zerodha', config_json: '{}', ...more }] });
  const infy = { qty: 3, side: 'SHORT', entry_price: 1500.5, entry_ts: '2026-11-19T04:00:00+00:00' };

  it('on paper is a trade of paper', () => {
    expect(outcomeOf('strategy_deployment_states', state({ 'NSE:INFY': infy }), deployment()).values).toMatchObject({
      execution_mode: 'paper', agent_id: 'paper agent', symbol: 'INFY', exchange: 'NSE', direction: 'short', lot_size: '3', entry_price: '1500.5', entry_time: '2026-11-19T04:00:00Z', status: 'unknown', product: 'MIS',
    });
  });

  it.each<[string, unknown, Rows, string]>([
    ['nothing', {}, deployment(), 'POSITION_FLAT'], ['only what is 0', { 'NSE:INFY': { ...infy, qty: 0 } }, deployment(), 'POSITION_FLAT'], ['something live, which was never sent', { 'NSE:INFY': infy }, deployment({ execution_target: 'LIVE' }), 'DEPLOYMENT_LIVE'],
    ['several', { 'NSE:INFY': infy, 'NSE:TCS': infy }, deployment(), 'DEPLOYMENT_OF_SEVERAL'], ['something, and is not there', { 'NSE:INFY': infy }, {}, 'REFERENCE_MISSING'],
    ['something without a price', { 'NSE:INFY': { qty: 3, side: 'LONG' } }, deployment(), 'POSITION_PRICE_NOT_KNOWN'],
  ])('is kept only when it is %s', (_, positions, others, code) => expect(codeOf(outcomeOf('strategy_deployment_states', state(positions), others).archived)).toBe(code));

  it.each([['no JSON', '{"positions"'], ['a list', '[]'], ['a list of positions', '{"positions":[1]}']])('is not known when its state is %s, and that is said', (_, state_json) => {
    const { archived, notes } = outcomeOf('strategy_deployment_states', state({}, { state_json }), deployment());
    expect([codeOf(archived), notes]).toEqual(['POSITION_FLAT', ['STATE_NOT_READ']]);
  });
});
