import { randomUUID } from 'node:crypto';
import type { TestAgent } from './app.js';
import { beat, type Idea, propose } from './ideas.js';

const MINUTE = 60_000;
export const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * MINUTE).toISOString();

export interface Traded { id: string; idea: Idea; predictionId: string; commandId: string }

let predictions = 0;

/** What an agent foresaw a moment ago. */
export async function foresee(agent: TestAgent, more: object = {}): Promise<string> {
  const at = new Date(Date.now() - 30_000 + ++predictions).toISOString();
  const made = await agent.http<{ id: string }>('POST', '/predictions', { body: { model: 'ensemble', modelVersion: '3', symbol: 'EURUSD', timestamp: at, direction: 'long', confidence: '0.9', marketRegime: 'trend', ...more } });
  if (made.status !== 201) throw new Error(made.text);
  return made.body.id;
}

/** Two hours of candles that lead up to now, so that a trade of the last 90 minutes lies among them. */
export async function sendCandles(agent: TestAgent, symbol = 'EURUSD', timeframe = 'M5', frameMinutes = 5, count = 48): Promise<void> {
  const first = Math.floor(Date.now() / (frameMinutes * MINUTE)) - count + 1;
  const items = Array.from({ length: count }, (_, n) => {
    const [open, close] = [n, n + 1].map((at) => 1.1 + Math.sin(at / 6) * 0.002 + at * 0.00012);
    return {
      symbol, timeframe, openTime: new Date((first + n) * frameMinutes * MINUTE).toISOString(), open: open!.toFixed(5), close: close!.toFixed(5),
      high: (Math.max(open!, close!) + 0.0006).toFixed(5), low: (Math.min(open!, close!) - 0.0006).toFixed(5),
    };
  });
  const sent = await agent.http('POST', '/snapshots/market', { body: { items } });
  if (sent.status >= 300) throw new Error(sent.text);
}

const fill = async (agent: TestAgent, id: string, body: object) => {
  const sent = await agent.http('POST', `/trades/${id}/fills`, { body: { brokerDealId: randomUUID(), ...body } });
  if (sent.status >= 300) throw new Error(sent.text);
};

/** From a prediction to an open trade of 0.1, filled in two parts 90 minutes ago, with marks and an explanation. */
export async function opened(agent: TestAgent, more: object = {}): Promise<Traded> {
  // The one before may be more than the lease of a minute ago.
  await beat(agent);
  const predictionId = await foresee(agent);
  const { body: idea } = await propose(agent, { predictionId, rationale: 'The trend of the morning goes on: higher lows, and the range broke upwards.', ...more }, '?lease=1');
  if (!idea.command) throw new Error(`not let through: ${JSON.stringify(idea.decision)}`);
  const { command } = idea;
  const made = await agent.http<{ id: string; origin: string }>('POST', '/trades', { body: {
    clientOrderId: randomUUID(), symbol: idea.symbol, direction: 'long', lotSize: '0.1', stopLoss: '1.09', takeProfit: '1.13', entryPrice: '1.1002', entryTime: minutesAgo(90), ideaId: idea.id, commandId: command.id,
  } });
  if (made.status !== 201) throw new Error(made.text);
  const { id } = made.body;
  await agent.http('POST', `/commands/${command.id}/complete`, { body: { leaseToken: command.leaseToken } });
  await fill(agent, id, { role: 'entry', price: '1.1002', requestedPrice: '1.1001', size: '0.06', at: minutesAgo(90) });
  await fill(agent, id, { role: 'entry', price: '1.1003', size: '0.04', at: minutesAgo(88) });
  const marks = Array.from({ length: 12 }, (_, n) => ({ quotedAt: minutesAgo(80 - n * 6), bid: (1.1005 + n * 0.0003).toFixed(5), ask: (1.1007 + n * 0.0003).toFixed(5), floatingProfit: String(n * 3 - 4) }));
  for (const mark of marks) await agent.http('POST', `/trades/${id}/marks`, { body: mark });
  const told = await agent.http('POST', `/trades/${id}/explanations`, { body: {
    kind: 'entry', explanation: 'It broke out of the range with rising volume.\nThe stop lies below the last low.', llmModel: 'small-7b', tokens: 812, prompt: 'Shall we buy EURUSD?', rawResponse: 'Yes: it breaks out.',
    confidenceFactors: { trend: 0.8, volume: 0.6 }, riskFactors: ['news at four'],
  } });
  if (told.status >= 300) throw new Error(told.text);
  return { id, idea, predictionId, commandId: command.id };
}

/** Half of it left at 1.104, the rest by its stop that was moved up: 20 USD each way, less costs. */
export async function closed(agent: TestAgent, trade: Traded): Promise<void> {
  await fill(agent, trade.id, { role: 'exit', price: '1.104', size: '0.05', at: minutesAgo(40), profit: '19', commission: '-0.2', exitReason: 'target' });
  await fill(agent, trade.id, { role: 'exit', price: '1.1014', size: '0.05', at: minutesAgo(12), profit: '6', commission: '-0.2', exitReason: 'stop' });
}
