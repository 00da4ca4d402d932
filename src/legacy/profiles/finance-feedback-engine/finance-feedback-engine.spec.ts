import { describe, expect, it } from '@jest/globals';
import { codes, mapped, sourceOf, tableOf } from '../../../../test/support/mapped-rows.js';
import { type Cell, JsonNumber } from '../../source/cell.js';
import { FINANCE_FEEDBACK_ENGINE } from './profile.js';

type Cells = Record<string, Cell>;

const OUTCOME: Cells = {
  trade_id: 't1', decision_id: null, product: 'GBP_USD', side: 'LONG', entry_time: '2026-02-18T22:38:54.918181+00:00', entry_price: '1.35507', entry_size: '1.0', exit_time: '2026-02-27T04:19:47.394414+00:00', exit_price: '1.34921',
  exit_price_source: 'provider:x', exit_size: '1.0', realized_pnl: '-0.005860', fees: '0', holding_duration_seconds: new JsonNumber('711652'), roi_percent: '-0.43',
};
const outcomes = (...rows: Cells[]) => mapped(FINANCE_FEEDBACK_ENGINE, sourceOf(tableOf('trade_outcomes', rows.map((cells) => ({ ...OUTCOME, ...cells })))), 'trade_outcomes');
const outcome = (cells: Cells = {}) => outcomes(cells)[0];
const ALWAYS = ['MODE_NOT_SAID', 'SYMBOL_RESPELLED'];

describe('an outcome of FFE', () => {
  it('is a closed trade of ours, digit by digit', () => {
    expect(outcome()).toMatchObject({
      trades: {
        symbol: 'GBPUSD', broker_symbol: 'GBP_USD', direction: 'long', outcome: null, lot_size: '1', entry_price: '1.35507', entry_time: '2026-02-18T22:38:54.918181Z', execution_mode: 'live', origin: 'imported', broker_ticket: 't1',
        status: 'closed', exit_price: '1.34921', exit_time: '2026-02-27T04:19:47.394414Z', exit_reason: 'unknown', gross_profit: '-0.00586', fee: '0', profit_source: 'told',
      },
    });
  });

  it.each<[string, Cells, Record<string, unknown>, string[]]>([
    ['is short', { side: 'SELL', realized_pnl: '0.00586' }, { direction: 'short', gross_profit: '0.00586' }, []],
    ['is flat, and 0E-30 is 0', { exit_price: '1.35507', realized_pnl: '0E-30' }, { gross_profit: '0' }, []],
    ['keeps 28 digits', { product: 'GBP_USD', entry_price: '50074.99999999999', exit_price: '50074.99999999999', entry_size: '0.0000199700449326011', exit_size: '0.0000199700449326011', realized_pnl: '0.0000000000000000000000000001' }, { lot_size: '0.0000199700449326011', gross_profit: '0.0000000000000000000000000001' }, []],
    ['is the part that was closed', { exit_size: '0.5', realized_pnl: '-0.00293' }, { lot_size: '0.5', exited_size: '0.5' }, ['PARTIAL_EXIT']],
    ['has a time that was made up', { entry_time: '2025-01-01T00:00:01+00:00' }, { entry_time: '2025-01-01T00:00:01Z' }, ['ENTRY_TIME_MADE_UP', 'HOLDING_DIFFERS']],
    ['is read as UTC where no zone is said', { entry_time: '2026-02-18T22:38:54.918181' }, { entry_time: '2026-02-18T22:38:54.918181Z' }, ['TIME_ZONE_ASSUMED']],
    ['keeps the old profit where its prices say another', { realized_pnl: '5' }, { gross_profit: '5' }, ['PNL_DIFFERS']],
    ['has fees in its profit where its prices say so', { fees: '0.001', realized_pnl: '-0.00686' }, { gross_profit: '-0.00686', fee: null }, ['PNL_AFTER_FEES']],
    ['pays its fees besides', { fees: '0.001' }, { gross_profit: '-0.00586', fee: '-0.001' }, []],
    ['is computed where no profit is told', { realized_pnl: null }, { gross_profit: '-0.00586', profit_source: 'computed' }, ['PNL_COMPUTED']],
    ['was followed by its order', { trade_id: null, order_id: '77' }, { broker_ticket: null, broker_order_id: '77' }, []],
  ])('%s', (_name, cells, expected, notes) => {
    const found = outcome(cells);
    expect(found?.trades).toMatchObject(expected);
    expect(found && codes(found)).toEqual([...ALWAYS, ...notes].sort());
  });

  it('of a test is no money', () => expect(outcome({ trade_id: 'test-exec' })).toMatchObject({ trades: { execution_mode: 'simulation' } }));

  it.each<[string, Cells, string]>([
    ['market', { product: null }, 'VALUE_MISSING'], ['side', { side: null }, 'VALUE_MISSING'], ['known side', { side: 'FLAT' }, 'VALUE_UNKNOWN'], ['size', { exit_size: null, entry_size: '0' }, 'SIZE_ZERO'], ['end', { exit_time: null }, 'VALUE_MISSING'],
    ['price above 0', { entry_price: '0' }, 'PRICE_OUT_OF_RANGE'], ['finite profit', { realized_pnl: 'NaN' }, 'NUMBER_NOT_FINITE'],
  ])('without a %s is refused', (_name, cells, code) => expect(outcome(cells)).toMatchObject({ reject: code }));

  it('that closes what was closed counts once, and its row says which counts', () => {
    const [first, other, second] = outcomes({}, { trade_id: 't2' }, { exit_time: '2026-04-01T23:55:20+00:00', exit_price: '1.349805' });
    expect([first?.trades, other?.trades]).toEqual([expect.anything(), expect.anything()]);
    expect(second?.archive).toBe('TRADE_CLOSED_TWICE: trade_id t1 was closed by row #1; it counts once');
  });

  it('that closes the rest is another part, and one more is too much', () => {
    const [one, two, three] = outcomes({ exit_size: '0.5' }, { exit_size: '0.5' }, { exit_size: '0.1' });
    expect(one?.trades).toMatchObject({ lot_size: '0.5' });
    expect(two?.trades).toMatchObject({ lot_size: '0.5' });
    expect(two && codes(two)).toContain('TRADE_ID_REPEATED');
    expect(three?.archive).toContain('TRADE_CLOSED_TWICE');
  });

  it('that was exported comes in once', () => {
    const source = sourceOf(tableOf('trade_outcomes', [OUTCOME]), tableOf('data/exports/all.csv', [OUTCOME, { ...OUTCOME, trade_id: 't9' }]));
    const [line, alone] = mapped(FINANCE_FEEDBACK_ENGINE, source, 'data/exports/all.csv');
    expect(line?.archive).toContain('EXPORTED');
    expect(alone?.trades).toMatchObject({ broker_ticket: 't9' });
  });
});

describe('an open position of FFE', () => {
  const position = (cells: Cells, ...closed: Cells[]) => {
    const table = tableOf('open_positions', [{ $name: 'EUR_USD_LONG', trade_id: 'c9', product: 'EUR_USD', side: 'LONG', entry_time: '2026-02-13T21:02:20+00:00', entry_price: '1.19111', entry_size: '2101.0', ...cells }]);
    const source = closed.length > 0 ? sourceOf(table, tableOf('trade_outcomes', closed.map((each) => ({ ...OUTCOME, ...each })))) : sourceOf(table);
    return mapped(FINANCE_FEEDBACK_ENGINE, source, 'open_positions')[0];
  };

  it('is unknown until somebody has asked the broker', () => expect(position({})).toMatchObject({ trades: { status: 'unknown', symbol: 'EURUSD', lot_size: '2101', entered_size: '2101', gross_profit: null } }));
  it('that is flat is kept', () => expect(position({ entry_size: '0' })?.archive).toContain('POSITION_FLAT'));
  it('that was closed since is kept', () => expect(position({}, { trade_id: 'c9', exit_size: '2101' })?.archive).toContain('POSITION_CLOSED'));
  it('of which a part was closed is open', () => expect(position({}, { trade_id: 'c9', exit_size: '1' })).toMatchObject({ trades: { status: 'unknown' } }));
});

describe('a decision of FFE', () => {
  const cached = (decision: string, cells: Cells = {}) => mapped(FINANCE_FEEDBACK_ENGINE, sourceOf(tableOf('decisions', [{
    cache_key: 'k', asset_pair: 'BTCUSD', timestamp: '2026-02-01T00:00:00+00:00', market_hash: 'h', decision_json: decision, created_at: '2026-02-01 00:00:05', ...cells,
  }])), 'decisions')[0];
  const file = (cells: Cells) => mapped(FINANCE_FEEDBACK_ENGINE, sourceOf(tableOf('decision_files', [{
    id: 'd1', asset_pair: 'EUR_USD', action: 'BUY', confidence: new JsonNumber('80'), timestamp: '2026-01-01T00:00:00Z', ...cells,
  }])), 'decision_files')[0];

  it('that was cached was made when it was cached, in no account, about the time of its candle', () => {
    expect(cached('{"action": "BUY", "confidence": 82, "reasoning": "sample", "ai_provider": "ensemble"}')).toMatchObject({
      decision_history: {
        type: 'ai_proposed', at: '2026-02-01T00:00:05Z', agent_id: 'agent simulation', reason: 'BUY BTCUSD: sample',
        risk_check_result: { value: { symbol: 'BTCUSD', action: 'BUY', confidence: '0.82', provider: 'ensemble', sourceTime: '2026-02-01T00:00:00Z' } },
      },
      notes: [],
    });
  });

  it.each<[string, string, string]>([
    ['82', '0.82', ''], ['0.64', '0.64', 'CONFIDENCE_WAS_FRACTION'], ['1', '0.01', ''], ['1.0', '1', 'CONFIDENCE_WAS_FRACTION'], ['82.5', '0.825', ''], ['0', '0', ''], ['100', '1', ''],
  ])('with a confidence of %s has one of %s', (written, ours, note) => {
    const found = file({ confidence: new JsonNumber(written) });
    expect(found).toMatchObject({ decision_history: { risk_check_result: { value: { confidence: ours } } } });
    expect(found && codes(found).filter((code) => code.startsWith('CONFIDENCE')).join()).toBe(note);
  });

  it.each<[string, ReturnType<typeof cached>, string]>([
    ['no JSON', cached('{not json'), 'JSON_INVALID'], ['a list', cached('[1]'), 'JSON_INVALID'], ['no action', cached('{"confidence": 1}'), 'VALUE_MISSING'], ['a time that is none', cached('{"action": "BUY"}', { timestamp: 'x' }), 'TIME_INVALID'],
    ['a confidence above 100', file({ confidence: new JsonNumber('101') }), 'FRACTION_OUT_OF_RANGE'], ['no symbol', file({ asset_pair: null }), 'VALUE_MISSING'],
  ])('with %s is refused', (_name, found, code) => expect(found).toMatchObject({ reject: code }));

  it('of a test is no money, and a file that is none is kept', () => {
    expect(file({ id: 'test-exec' })).toMatchObject({ decision_history: { agent_id: 'agent simulation' } });
    expect(file({ asset_pair: null, action: null })?.archive).toContain('NOT_A_DECISION');
  });

  it.each<[string, Cells, string | undefined, string | undefined]>([
    ['the API', { approval_id: 'a', status: 'approved', timestamp: '2026-02-16T13:37:30Z' }, 'human_approved', undefined],
    ['the command line', { status: 'rejected', approved: false, modified: false, source: 'cli', timestamp: '2026-02-16T13:37:30.8' }, 'human_rejected', undefined],
    ['the old bot', { approved: false, source: 'telegram', timestamp: '2025-12-13T23:05:49' }, 'human_rejected', undefined],
    ['nobody', { approved: null, timestamp: '2025-12-13T23:05:49' }, undefined, 'VALUE_MISSING'],
    ['two minds', { status: 'rejected', approved: true, timestamp: '2025-12-13T23:05:49' }, undefined, 'ANSWER_CONTRADICTED'],
  ])('was answered by %s', (_name, cells, type, code) => {
    const [found] = mapped(FINANCE_FEEDBACK_ENGINE, sourceOf(tableOf('approvals', [{ decision_id: 'd1', ...cells }])), 'approvals');
    expect((found?.decision_history as { type?: string } | undefined)?.type).toBe(type);
    expect(found?.reject).toBe(code);
  });
});

describe('the keys of FFE', () => {
  const keys = tableOf('api_keys', [{ id: 1n, name: 'default', key_hash: 'aaa', is_active: 1n, last_used: null }]);
  const audit = tableOf('auth_audit_log', [{ id: 1n, api_key_hash: 'aaa', success: 1n }, { id: 2n, api_key_hash: 'zzz', success: 0n }]);
  const source = sourceOf(keys, audit);

  it('are secrets, and each sign-in still says whose key it was', () => {
    expect(FINANCE_FEEDBACK_ENGINE.mapping(keys, '', source)?.secrets).toEqual(['key_hash']);
    expect(FINANCE_FEEDBACK_ENGINE.mapping(audit, '', source)?.secrets).toEqual(['api_key_hash']);
    expect(mapped(FINANCE_FEEDBACK_ENGINE, source, 'auth_audit_log').map(({ notes }) => notes)).toEqual([['KEY_NAMED: api_key_hash is of the key "default"'], ['KEY_UNKNOWN: api_key_hash is of no key that is there']]);
  });

  it('say so where the hash is gone from the row already', () => {
    const look = FINANCE_FEEDBACK_ENGINE.mapping(audit, '', source)?.remark;
    const notes: string[] = [];
    for (const id of ['2', '1']) look?.({ id, cells: { api_key_hash: '[secret removed]' }, note: (code) => void notes.push(code) });
    expect(notes).toEqual(['KEY_UNKNOWN', 'KEY_NAMED']);
  });

  it('of a schema alone do not make a database one of FFE', () => {
    expect(FINANCE_FEEDBACK_ENGINE.recognise(sourceOf(tableOf('alembic_version', [{ version_num: '004' }])))).toBeNull();
    expect(FINANCE_FEEDBACK_ENGINE.recognise(sourceOf(tableOf('alembic_version.csv', [{ version_num: '0080' }])))).toBeNull();
    expect(FINANCE_FEEDBACK_ENGINE.recognise(source)).toMatchObject({ tables: 2 });
  });
});
