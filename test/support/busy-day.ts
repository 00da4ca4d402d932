import { Inbox } from '../../src/webhooks/inbox/inbox.service.js';
import type { TestAgent, TestApp } from './app.js';
import { type Client, clientOf } from './http.js';
import { LONG, limitAll } from './ideas.js';
import { openTrade } from './closures.js';
import { makeSource, postAlert } from './webhooks.js';

/** A day in the life of a small desk, told through the API as its agents would: for the pages' pictures, and for looks at them as a whole. */
export interface BusyDay {
  agents: Record<'trend' | 'gold' | 'lab' | 'owl', TestAgent>;
  accounts: Record<'live' | 'lab', string>;
  /** A trade with a whole chain behind it: prediction, idea, verdict, command, fills, explanation. */
  tradeId: string;
  waitingIdeaId: string;
  refusedIdeaId: string;
  quarantinedAlertId: string;
  sourceId: string;
  strategyId: string;
  haltId: string;
}

const MINUTE = 60_000;
const ago = (minutes: number): string => new Date(Date.now() - minutes * MINUTE).toISOString();
const LIVE = { 'x-instance-id': 'vps-1' };

async function ok<T = { id: string }>(who: Client, method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const answer = await who<T>(method as 'POST', path, { body: body as object, headers });
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`);
  return answer.body;
}

const INSTRUMENTS = {
  EURUSD: { kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', tickValueCurrency: 'USD', minSize: '0.01', sizeStep: '0.01', baseCurrency: 'EUR', quoteCurrency: 'USD' },
  XAUUSD: { kind: 'cfd', sizeUnit: 'lot', contractSize: '100', tickSize: '0.01', tickValue: '1', tickValueCurrency: 'USD', minSize: '0.01', sizeStep: '0.01', quoteCurrency: 'USD' },
};
const QUOTES = [{ symbol: 'EURUSD', bid: '1.10012', ask: '1.10024' }, { symbol: 'XAUUSD', bid: '2411.30', ask: '2411.62' }];

async function teach(agent: TestAgent, headers: Record<string, string>): Promise<void> {
  for (const [symbol, terms] of Object.entries(INSTRUMENTS)) await ok(agent.http, 'POST', '/instruments', { symbol, brokerSymbol: symbol, ...terms }, headers);
  await ok(agent.http, 'POST', '/quotes', { items: QUOTES.map((quote) => ({ ...quote, quotedAt: ago(0) })) }, headers);
}

/** Heartbeats age while a picture is being made: told again before each. */
export async function beatAll({ agents: { trend, gold, lab } }: BusyDay): Promise<void> {
  const beat = { status: 'running', brokerConnected: true, tradeAllowed: true, currency: 'USD', asOf: ago(0), cycleCount: 4_812 };
  await ok(trend.http, 'POST', '/agents/me/heartbeat', { ...beat, equity: '98437.20', balance: '98812.50', margin: '2204.10', marginFree: '96233.10', floatingPnl: '-375.30', openPositions: 3, agentVersion: '2.4.1' }, LIVE);
  await ok(gold.http, 'POST', '/agents/me/heartbeat', { ...beat, status: 'paused', equity: '98437.20', balance: '98812.50', agentVersion: '1.9.0' }, LIVE);
  await ok(lab.http, 'POST', '/agents/me/heartbeat', { ...beat, equity: '10241.87', balance: '10230.00', floatingPnl: '11.87', openPositions: 1, agentVersion: '3.0.0-rc.2' });
  for (const [agent, headers] of [[trend, LIVE], [lab, {}]] as const) await ok(agent.http, 'POST', '/quotes', { items: QUOTES.map((quote) => ({ ...quote, quotedAt: ago(0) })) }, headers);
}

export async function busyDay(t: TestApp): Promise<BusyDay> {
  const { http } = t;
  const liveAccount = await ok(http, 'POST', '/accounts', { name: 'FTMO-1', kind: 'live', currency: 'USD', marginMode: 'hedging', broker: 'FTMO', initialBalance: '100000' });
  const labAccount = await ok(http, 'POST', '/accounts', { name: 'Lab', kind: 'paper', currency: 'USD', marginMode: 'hedging', initialBalance: '10000' });
  const trend = await t.agent({ name: 'trend-eurusd', mode: 'live', account: 'FTMO-1', symbols: ['EURUSD'] });
  const gold = await t.agent({ name: 'gold-scalper', mode: 'live', account: 'FTMO-1', symbols: ['XAUUSD'] });
  const lab = await t.agent({ name: 'mean-revert', mode: 'paper', account: 'Lab', symbols: ['EURUSD', 'XAUUSD'] });
  const owl = await t.agent({ name: 'night-owl', mode: 'simulation' });
  const day: BusyDay = {
    agents: { trend, gold, lab, owl }, accounts: { live: liveAccount.id, lab: labAccount.id }, tradeId: '', waitingIdeaId: '', refusedIdeaId: '', quarantinedAlertId: '', sourceId: '', strategyId: '', haltId: '',
  };
  await limitAll(t, { maxLotSize: '1', maxConcurrentTrades: 5, maxTradesPerDay: 50, dailyLossLimitFraction: '0.05', maxDrawdownFraction: '0.10', maxGrossExposureAmount: '500000', maxOpenRiskAmount: '2000' });
  await teach(trend, LIVE);
  await teach(lab, {});
  await ok(http, 'POST', `/agents/${trend.id}/commands`, { type: 'resume' });
  await carryOut(trend, LIVE);
  await beatAll(day);
  day.strategyId = (await ok(http, 'POST', '/strategies', { name: 'London breakout', isActive: true, allowedSymbols: ['EURUSD'] })).id;
  await past(day);
  await candles(lab);
  day.tradeId = await chain(day, http);
  await ideas(day);
  await alerts(day, t);
  await broken(day, http);
  day.haltId = (await ok(http, 'POST', '/kill-switch', { scope: { type: 'symbol', id: 'XAUUSD' }, mode: 'halt', reason: 'Non-farm payrolls at 14:30' })).id;
  await ok(http, 'POST', '/circuit-breakers/losing_streak_symbol/trip', { scope: { type: 'symbol', id: 'XAUUSD', accountId: liveAccount.id, executionMode: 'live' }, reason: 'Five losses before noon' });
  await beatAll(day);
  return day;
}

/** Leases what waits and says that it was done. */
async function carryOut(agent: TestAgent, headers: Record<string, string>, result: object = {}): Promise<void> {
  const { commands } = await ok<{ commands: { id: string; leaseToken: string }[] }>(agent.http, 'POST', '/agents/me/commands/lease', { max: 10 }, headers);
  for (const { id, leaseToken } of commands) await ok(agent.http, 'POST', `/commands/${id}/complete`, { leaseToken, result }, headers);
}

/** Sixty closed trades of the last twenty days. */
async function past({ agents: { lab } }: BusyDay): Promise<void> {
  for (let n = 60; n >= 1; n -= 1) {
    const entry = n * 480;
    const symbol = n % 3 === 0 ? 'XAUUSD' : 'EURUSD';
    const predicted = await ok(lab.http, 'POST', '/predictions', { model: 'gbm', modelVersion: n > 30 ? '7' : '8', symbol, timestamp: ago(entry + 5), horizonSeconds: 14_400, direction: n % 2 ? 'long' : 'short', confidence: `0.${5 + (n % 5)}`, marketRegime: n % 4 ? 'trend' : 'range', marketPrice: '1.1', usedByAgent: true });
    const trade = await openTrade(lab, { symbol, direction: n % 2 ? 'long' : 'short', lotSize: '0.10', entryPrice: symbol === 'EURUSD' ? '1.10000' : '2400.00', stopLoss: undefined, entryTime: ago(entry), predictionId: predicted.id });
    // Never four losses in a row: the breaker of streaks would be right to trip.
    const profit = Math.floor(n / 3) % 3 === 0 ? -6 - (n % 4) : 3 + (n % 7);
    await ok(lab.http, 'POST', `/trades/${trade.id}/transitions`, { to: 'closed', occurredAt: ago(entry - 240), version: trade.version, exitPrice: symbol === 'EURUSD' ? '1.10100' : '2401.00', exitReason: profit > 0 ? 'target' : 'stop', grossProfit: `${profit}.40`, commission: '-0.70', swap: '0', fee: '0' });
  }
}

async function candles(agent: TestAgent): Promise<void> {
  const items = Array.from({ length: 180 }, (_, n) => {
    const middle = 1.0985 + 0.0012 * Math.sin(n / 14) + 0.00001 * n;
    const [open, close] = [middle, middle + 0.0002 * Math.sin(n * 2.1)];
    return { symbol: 'EURUSD', timeframe: 'M5', openTime: new Date(Math.floor(Date.now() / 300_000) * 300_000 - (180 - n) * 300_000).toISOString(), open: open.toFixed(5), high: (Math.max(open, close) + 0.0002).toFixed(5), low: (Math.min(open, close) - 0.0002).toFixed(5), close: close.toFixed(5), volume: String(100 + (n % 40)), capturedAt: ago(1) };
  });
  await ok(agent.http, 'POST', '/snapshots/market', { items });
}

/** Prediction, idea, gate, command, fill, explanation, position. */
async function chain({ agents: { lab } }: BusyDay, http: Client): Promise<string> {
  const prediction = await ok(lab.http, 'POST', '/predictions', { model: 'gbm', modelVersion: '8', symbol: 'EURUSD', timestamp: ago(1), horizonSeconds: 14_400, direction: 'long', confidence: '0.83', probUp: '0.83', probDown: '0.17', marketRegime: 'trend', marketPrice: '1.10018', usedByAgent: true });
  const idea = await ok(lab.http, 'POST', '/trade-ideas', { ...LONG, lotSize: '0.20', stopLoss: '1.09800', takeProfit: '1.10500', rationale: 'Breakout above the Asian range, with the four-hour trend.', confidence: '0.83', predictionId: prediction.id });
  const { commands: [command] } = await ok<{ commands: { id: string; leaseToken: string }[] }>(lab.http, 'POST', '/agents/me/commands/lease', { max: 1 });
  if (!command) throw new Error(`no command: ${JSON.stringify(idea)}`);
  const trade = await ok(lab.http, 'POST', '/trades', { clientOrderId: 'breakout-1', symbol: 'EURUSD', direction: 'long', lotSize: '0.20', entryPrice: '1.10024', entryTime: ago(0), stopLoss: '1.09800', takeProfit: '1.10500', predictionId: prediction.id, ideaId: idea.id, commandId: command.id, brokerPositionId: '7001' });
  await ok(lab.http, 'POST', `/commands/${command.id}/complete`, { leaseToken: command.leaseToken, result: { ticket: 7001 } });
  await ok(lab.http, 'POST', `/trades/${trade.id}/explanations`, { kind: 'entry', explanation: 'Price closed above the range high twice; spread is normal and no news is due for two hours.', confidenceFactors: { trend: '0.9', breakout: '0.8' }, riskFactors: ['Late in the session'], llmModel: 'house-7b', tokens: 812 });
  await ok(http, 'GET', `/why/${trade.id}`);
  return trade.id;
}

async function ideas(day: BusyDay): Promise<void> {
  const { lab } = day.agents;
  day.waitingIdeaId = (await ok(lab.http, 'POST', '/trade-ideas', { ...LONG, symbol: 'XAUUSD', lotSize: '0.05', stopLoss: '2398.00', takeProfit: '2440.00', entryRange: { low: '2408.00', high: '2414.00' }, validForSeconds: 1_800, rationale: 'Pullback to the rising average after a strong week.', confidence: '0.61' })).id;
  day.refusedIdeaId = (await ok(lab.http, 'POST', '/trade-ideas', { ...LONG, lotSize: '3', stopLoss: '1.09500', takeProfit: '1.12000', rationale: 'Doubling up while the trend lasts.', confidence: '0.92' })).id;
}

async function alerts(day: BusyDay, t: TestApp): Promise<void> {
  const source = await makeSource(t.http, { name: 'TradingView momentum', mapping: { fields: { symbol: 's', action: 'a', price: 'p', alertId: 'id' }, actions: { buy: 'buy', sell: 'sell' } }, route: { action: 'store' } });
  day.sourceId = source.id;
  for (const [n, action] of ['buy', 'sell', 'buy'].entries()) await postAlert(t, source.path, JSON.stringify({ s: 'EURUSD', a: action, p: '1.1001', id: `tv-${n}` }));
  const { body } = await postAlert(t, source.path, JSON.stringify({ s: 'EURUSD', a: '{{strategy.order.action}}', p: '1.1001', id: 'tv-9' }));
  day.quarantinedAlertId = body.alertId;
  await t.app.get(Inbox).settle();
}

/** What a person must see: a position opened by hand, one without a stop, commands that failed or nobody knows of. */
async function broken({ agents: { trend, lab } }: BusyDay, http: Client): Promise<void> {
  await ok(trend.http, 'POST', '/agents/me/positions', { asOf: ago(0), complete: true, orders: [], positions: [
    { brokerPositionId: '9001', symbol: 'EURUSD', direction: 'short', size: '0.50', entryPrice: '1.09890', stopLoss: '1.10400', openedAt: ago(95) },
    { brokerPositionId: '9002', symbol: 'XAUUSD', direction: 'long', size: '0.30', entryPrice: '2421.60', openedAt: ago(40) },
  ] }, LIVE);
  for (const [type, payload] of [['reconcile', {}], ['custom', { rebuild: 'features' }]] as const) await ok(http, 'POST', `/agents/${lab.id}/commands`, { type, payload });
  const { commands } = await ok<{ commands: { id: string; leaseToken: string; type: string }[] }>(lab.http, 'POST', '/agents/me/commands/lease', { max: 10 });
  for (const { id, leaseToken, type } of commands.filter(({ type: each }) => each === 'custom')) {
    await ok(lab.http, 'POST', `/commands/${id}/fail`, { leaseToken, outcome: 'unknown', error: { code: 'TIMEOUT', message: `No answer from the feature store after 30 s (${type})` }, retryable: false });
  }
  await ok(http, 'POST', `/agents/${lab.id}/commands`, { type: 'update_config', payload: { config: { cycleSeconds: 60 } } });
}

/** The same agent at another server. */
export const elsewhere = (base: string, { apiKey }: TestAgent): Client => clientOf(base, apiKey);
