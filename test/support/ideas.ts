import type { TestAgent, TestApp } from './app.js';
import { type Answer, type Client, clientOf } from './http.js';

export interface Decision {
  id: string;
  verdict: string;
  reasons: { code: string; message: string; actual: string | null; limit: string | null }[];
  rules: { rule: string; outcome: string; reasons: unknown[]; input: Record<string, unknown> }[];
}

export interface Idea {
  id: string; status: string; digest: string; accountId: string; executorAgentId: string; proposerAgentId: string | null; commandId: string | null; closeCommandIds: string[]; reducedSize: string | null;
  priceBand: { low: string; high: string } | null; approveUntil: string | null; waitsUntil: string | null; approvedBy: string | null; endedReason: string | null; symbol: string; brokerSymbol: string | null;
  lotSize: string; strategyVersion: number | null; decidedAt: string | null; decidedBy: string | null;
  decision: Decision; command?: { id: string; leaseToken: string; payload: Record<string, unknown> } | null;
  decisions: { type: string; actor: string; riskCheckResult: Record<string, unknown> | null; humanOverride: Record<string, unknown> | null; reason: string | null }[];
  reservation: { held: boolean; endedAs: string | null; tradeId: string | null } | null;
  code?: string; detail?: string; errors?: { path: string; message: string }[];
}

/** Everything off but the switch that is to be on: what a test limits, it says. */
export const OPEN_LIMITS = {
  aiTradingEnabled: true, requireApproval: false, allowOffWatchlistAutotrade: true, stopAfterTarget: true, haltOnDrawdown: true, minConfidenceThreshold: '0.7', maxLotSize: null, maxConcurrentTrades: null,
  maxTradesPerSymbol: null, maxTradesPerDay: null, dailyLossLimitFraction: null, maxDrawdownFraction: null, minRewardToRisk: null, newsEmbargoMinutes: null, maxPriceAgeSeconds: null,
  maxGrossExposureAmount: null, maxNetCurrencyExposureAmount: null, maxOpenRiskAmount: null, dailyProfitTarget: null, dailyLossLimitAmount: null, maxDrawdownAmount: null,
  duplicateIntentSeconds: null, cooldownSeconds: null, maxPriceDeviation: null,
};

export const LONG = { symbol: 'EURUSD', direction: 'long', lotSize: '0.1', stopLoss: '1.09', takeProfit: '1.13', confidence: '0.9', rationale: 'a test' };

export async function limitAll(t: Pick<TestApp, 'http'>, more: object = {}): Promise<void> {
  const { body } = await t.http<{ version: number }>('GET', '/risk-config');
  const put = await t.http('PUT', '/risk-config', { body: { ...OPEN_LIMITS, ...more }, headers: { 'if-match': `"${body.version}"` } });
  if (put.status !== 200) throw new Error(put.text);
}

export async function limit(t: TestApp, scope: 'account' | 'agent' | 'strategy', id: string, more: object): Promise<void> {
  const { body } = await t.http<Record<string, unknown> & { version: number }>('GET', `/limits/${scope}/${id}`);
  const nothing = Object.fromEntries(Object.keys(OPEN_LIMITS).map((name) => [name, null]));
  const put = await t.http('PUT', `/limits/${scope}/${id}`, { body: { ...nothing, ...more }, headers: { 'if-match': `"${body.version}"` } });
  if (put.status !== 200) throw new Error(put.text);
}

/** An agent that is there, with a quote to trade on. */
export async function trader(t: TestApp, body: Record<string, unknown> = {}): Promise<TestAgent> {
  const agent = await t.agent(body);
  await beat(agent);
  await quote(agent, '1.1', '1.1002');
  return agent;
}

export const beat = (agent: TestAgent, more: object = {}) => agent.http('POST', '/agents/me/heartbeat', { body: { status: 'running', brokerConnected: true, tradeAllowed: true, ...more } });

/** As of the database's clock, which tests move. */
export async function quote(agent: TestAgent, bid: string, ask: string, symbol = 'EURUSD'): Promise<void> {
  const sent = await agent.http('POST', '/quotes', { body: { items: [{ symbol, bid, ask, quotedAt: new Date().toISOString() }] } });
  if (sent.status !== 200) throw new Error(sent.text);
}

export const propose = (who: { http: Client }, more: object = {}, query = '', headers: Record<string, string> = {}): Promise<Answer<Idea>> => who.http<Idea>('POST', `/trade-ideas${query}`, { body: { ...LONG, ...more }, headers });

export const ideaOf = async (t: TestApp, id: string): Promise<Idea> => (await t.http<Idea>('GET', `/trade-ideas/${id}`)).body;

/** The same agent at another instance. */
export const at = (base: string, agent: TestAgent): { http: Client } => ({ http: clientOf(base, agent.apiKey) });
