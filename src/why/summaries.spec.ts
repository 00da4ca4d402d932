import { describe, expect, it } from '@jest/globals';
import { haltsIn } from './chain.js';
import type { Linked } from './linked.js';
import { missingIn } from './missing.js';
import { closureSummary, commandSummary, decisionSummary, fillSummary, haltSummary, ideaSummary, outcomeSummary, predictionSummary, releaseSummary, reservationSummary, transitionSummary } from './summaries.js';

type Row<K extends keyof Linked> = Linked[K][number];
const at = '2026-01-02T03:04:05.000Z';
const row = <K extends keyof Linked>(given: Record<string, unknown>) => given as unknown as Row<K>;

const prediction = row<'predictions'>({ id: 'p', model: 'ens', model_version: '3', symbol: 'EURUSD', direction: 'long', confidence: '0.9', threshold_used: '0.7', should_trade: true, outcome: null, move: null });
const idea = row<'ideas'>({
  id: 'i', direction: 'long', lot_size: '0.1', symbol: 'EURUSD', outcome: null, entry_price: null, entry_low: null, entry_high: null, stop_loss: '1.09', take_profit: [{ price: '1.13', sizeFraction: '1' }],
  confidence: '0.9', execution_mode: 'paper', snapshot_ref: null, alert_id: null, prediction_id: 'p', status: 'auto_executed', ended_reason: null, rationale: 'it rises', decided_at: at, command_id: 'c',
});
const decided = (riskCheckResult: unknown, more: object = {}) => ({ seal: 'intact', changed: [], text: { actor: 'agent:a', riskCheckResult, reason: null, ...more } }) as unknown as Row<'decisions'>['checked'];
const command = row<'commands'>({ id: 'c', type: 'open_trade', payload: { direction: 'long', lotSize: '0.1', symbol: 'EURUSD', limitPrice: '1.1002' }, attempts: [], status: 'queued', error: null, reason: null, trade_id: null });
const trade = row<'trades'>({
  id: 't', status: 'closed', direction: 'long', lot_size: '1', symbol: 'EURUSD', outcome: null, execution_mode: 'paper', origin: 'gated', currency: 'USD', exit_price: '1.09', exit_reason: 'stop', net_profit: '-100', gross_profit: '-100',
  profit_source: 'broker', entered_size: '1', exited_size: '1', entry_time: at, entry_price: '1.1', first_stop_loss: '1.095', first_stop_at: null, point_value: '20000', open_size: '0', finished_at: at,
  idea_id: 'i', command_id: 'c', price_low: null, price_high: null, mark_low: null, mark_high: null, computed_profit: null, entry_paid: null, staked: null,
});
const closure = row<'closures'>({ id: 'k', size: null, cause: 'supervisor', rule: 'stop', detail: { stopLoss: '1.09', price: '1.0899', seen: [] }, ended_as: 'flat', end_reason: null, ended_at: at, tries: 1 });
const halt = row<'halts'>({
  id: 'h', scope_type: 'agent', scope_id: 'x', name: 'scalper', mode: 'halt', breaker: null, imposed_by: 'user:u', reason: 'odd prices', effective_at: at, released_at: null, released_by: 'user:v', release_reason: 'well again', release_requested_by: null,
});

describe('what a step says, in one sentence', () => {
  it.each<[string, string, string]>([
    ['a prediction', predictionSummary(prediction), 'ens 3 predicted EURUSD long with confidence 0.9; the threshold was 0.7, so it was to be traded.'],
    ['a prediction that was scored', predictionSummary({ ...prediction, should_trade: false, outcome: 'hit', move: '0.002' }), 'ens 3 predicted EURUSD long with confidence 0.9; the threshold was 0.7, so it was not to be traded; it came out hit (move 0.002).'],
    ['an idea', ideaSummary(idea), 'Idea: long 0.1 EURUSD at the market, stop 1.09, target 1.13, confidence 0.9, paper; it is auto_executed. Because: it rises'],
    ['an idea with a snapshot', ideaSummary({ ...idea, stop_loss: null, take_profit: null, confidence: null, entry_price: '1.1', snapshot_ref: 's', status: 'rejected', ended_reason: 'not today' }),
      'Idea: long 0.1 EURUSD at 1.1, no stop, no confidence, paper, seen: snapshot s; it is rejected (not today). Because: it rises'],
    ['a decision', decisionSummary('risk_rejected', decided({ verdict: 'rejected', price: '1.1', rules: [
      { rule: 'halt', outcome: 'passed', reasons: [] }, { rule: 'cooldown', outcome: 'off' }, { rule: 'margin', outcome: 'assumed' }, { rule: 'lot_size', outcome: 'rejected', reasons: [{ code: 'SIZE_LIMIT', message: 'Too large.', actual: '3', limit: '2' }] }] })),
    'Refused by the gate, for agent:a, verdict rejected, price 1.1, 2 of 4 rules passed: lot_size rejected (SIZE_LIMIT: Too large [is 3, limit 2]); assumed: margin.'],
    ['a decision of a person', decisionSummary('human_rejected', decided(null, { actor: 'user:u', reason: 'not today' })), 'Rejected by a person by user:u. Said: not today.'],
    ['a decision that was changed', decisionSummary('ai_halted', { ...decided(null), text: null }), 'Halted, and what it said cannot be read: the row was changed after it was written.'],
    ['a reservation', reservationSummary(row<'reservations'>({ direction: 'long', size: '1', symbol: 'EURUSD', outcome: null, entry_price: '1.1', stop: '1.09', held: false, ended_as: 'converted', trade_id: 't' })), 'Reserved long 1 EURUSD at 1.1, stop 1.09; became a trade.'],
    ['a command', commandSummary(command), 'Command open_trade long 0.1 EURUSD at 1.1002 or better: never handed out; queued.'],
    ['a command that failed', commandSummary({ ...command, status: 'failed', error: { code: 'NO_MONEY', message: 'none left' }, attempts: [{ attempt: 2, instanceId: 'one', leasedAt: at, endedAt: at, outcome: 'rejected', detail: null }] }),
      `Command open_trade long 0.1 EURUSD at 1.1002 or better: handed out 2 time(s), last at ${at} to one, which ended rejected; failed (NO_MONEY, none left).`],
    ['the first step of a trade', transitionSummary(row<'transitions'>({ from_status: null, to_status: 'open', broker_deal_id: null, reason: null, late: false }), trade), 'Trade long 1 EURUSD recorded as open, paper, gated.'],
    ['a later one', transitionSummary(row<'transitions'>({ from_status: 'open', to_status: 'closed', broker_deal_id: '7', reason: null, late: true }), trade), 'Trade long 1 EURUSD went from open to closed (deal 7, told late).'],
    ['a step of a binary contract', transitionSummary(row<'transitions'>({ from_status: null, to_status: 'open', broker_deal_id: null, reason: null, late: false }), { ...trade, outcome: 'no' }), 'Trade long 1 EURUSD no recorded as open, paper, gated.'],
    ['a fill', fillSummary(row<'fills'>({ role: 'exit', size: '1', price: '1.09', profit: '-100', exit_reason: 'stop', broker_deal_id: '8', late: false })), 'Fill: exit 1 at 1.09, profit -100, by stop, deal 8.'],
    ['a closure', closureSummary(closure), 'All wanted closed by supervisor, rule stop: stopLoss 1.09, price 1.0899; flat.'],
    ['a closure that goes on', closureSummary({ ...closure, size: '0.5', cause: 'halt', rule: null, detail: {}, ended_as: null, tries: 3 }), '0.5 wanted closed by halt; not ended after 3 command(s).'],
    ['a halt', haltSummary(halt), `Halt of agent scalper (halt) by user:u: odd prices; carried through at ${at}, not released.`],
    ['a breaker', haltSummary({ ...halt, scope_type: 'global', breaker: 'drawdown', effective_at: null, released_at: at }), 'Circuit breaker drawdown: halt of everything (halt) by user:u: odd prices; not carried through everywhere yet.'],
    ['a release', releaseSummary({ ...halt, released_at: at }), 'Halt of agent scalper released by user:v: well again.'],
    ['an outcome', outcomeSummary(trade), 'Outcome: closed at 1.09 by stop, net profit -100 USD (-1 R), source broker.'],
    ['an outcome without a profit', outcomeSummary({ ...trade, net_profit: null, gross_profit: null, profit_source: null, exit_reason: null }), 'Outcome: closed at 1.09 by unknown, net profit not known.'],
    ['no entry', outcomeSummary({ ...trade, status: 'rejected' }), 'Outcome: rejected, nothing was traded.'],
  ])('%s', (_what, said, expected) => {
    expect(said).toBe(expected);
  });

  it('is cut where somebody said a lot', () => {
    expect(ideaSummary({ ...idea, rationale: 'x'.repeat(4_000) }).length).toBeLessThan(400);
  });
});

describe('the halts of a decision', () => {
  it.each<[string, unknown, string[]]>([
    ['are those that its rule looked at', { rules: [{ rule: 'lease', input: { ids: 'z' } }, { rule: 'halt', outcome: 'halted_by_risk', input: { ids: 'a b' } }] }, ['a', 'b']],
    ['are none where none was in force', { rules: [{ rule: 'halt', outcome: 'passed', input: { ids: '' } }] }, []],
    ['are none of what was not checked', null, []],
    ['are none of what is no list', { rules: 'all' }, []],
  ])('%s', (_what, result, ids) => {
    expect(haltsIn(result)).toEqual(ids);
  });
});

describe('what is missing', () => {
  const nothing: Linked = { alerts: [], predictions: [], ideas: [], decisions: [], reservations: [], commands: [], trades: [], transitions: [], fills: [], explanations: [], closures: [], halts: [] };
  const decision = { row: { id: 'd', idea_id: 'i' }, checked: decided(null) } as unknown as Row<'decisions'>;
  const whole: Linked = { ...nothing, predictions: [prediction], ideas: [idea], decisions: [decision], commands: [{ ...command, status: 'succeeded' }], trades: [trade], fills: [row<'fills'>({ trade_id: 't', role: 'exit' })], closures: [closure], halts: [halt] };

  it('is nothing where all is there', () => {
    expect(missingIn('trade', whole)).toEqual([]);
  });

  it.each<[string, Partial<Linked>, RegExp]>([
    ['the decision', { decisions: [] }, /no decision in the history/],
    ['the prediction', { predictions: [] }, /prediction p of the idea is gone/],
    ['what the idea was made on', { ideas: [{ ...idea, prediction_id: null }] }, /neither a prediction nor a snapshotRef/],
    ['an answer', { ideas: [{ ...idea, decided_at: null, status: 'needs_approval' }] }, /not decided yet: needs_approval/],
    ['the trade', { trades: [] }, /command c succeeded, and nobody told of its trade/],
    ['the end of the command', { commands: [{ ...command, status: 'queued' }] }, /has not ended: queued/],
    ['the outcome of the command', { commands: [{ ...command, status: 'unknown' }] }, /Nobody knows what became of the command/],
    ['the command', { commands: [] }, /command c of the trade is gone/],
    ['a seal', { decisions: [{ ...decision, checked: { ...decision.checked, seal: 'broken' } }] }, /changed after it was written/],
    ['a key', { decisions: [{ ...decision, checked: { ...decision.checked, seal: 'unknown_key' } }] }, /does not have/],
    ['the idea of a gated trade', { ideas: [], trades: [{ ...trade, idea_id: null }] }, /idea of the trade is not there/],
    ['the decision on an ungated one', { trades: [{ ...trade, origin: 'ungated' }] }, /without asking/],
    ['all of what was found at the broker', { trades: [{ ...trade, origin: 'external' }] }, /found at the broker/],
    ['the end of the trade', { trades: [{ ...trade, status: 'open', finished_at: null }] }, /is not over: open/],
    ['what became of it', { trades: [{ ...trade, status: 'unknown', finished_at: null }] }, /Nobody knows what became of the trade/],
    ['the exit deal', { fills: [] }, /No exit deal/],
    ['the profit', { trades: [{ ...trade, net_profit: null }] }, /net profit .* is not known/],
    ['the exit reason', { trades: [{ ...trade, exit_reason: 'unknown' }] }, /Why the trade t was closed/],
    ['a flat trade', { closures: [{ ...closure, ended_at: null }] }, /closure k has not ended/],
    ['the effect of a halt', { halts: [{ ...halt, effective_at: null }] }, /not carried through on every account/],
  ])('is named: %s', (_what, more, words) => {
    expect(missingIn('trade', { ...whole, ...more })).toEqual(expect.arrayContaining([expect.stringMatching(words)]));
  });

  it('is a trade of a prediction that was to be traded, for who asks about that', () => {
    expect(missingIn('prediction', { ...nothing, predictions: [prediction] })).toEqual(['The prediction was to be traded, and no idea and no trade names it.']);
    expect(missingIn('prediction', { ...nothing, predictions: [{ ...prediction, should_trade: false }] })).toEqual([]);
    expect(missingIn('prediction', { ...nothing, predictions: [prediction], ideas: [idea] })).not.toContain('The prediction was to be traded, and no idea and no trade names it.');
  });
});
