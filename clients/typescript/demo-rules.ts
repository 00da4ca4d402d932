import type { Api } from './api.js';

/** What a demo needs of a server that is its own and that nobody has set up. Somebody's settings are left as they are. */
const LIMITS = {
  aiTradingEnabled: true,
  // The confidence is a measured frequency that begins at 0.5 and, without an edge, does not rise.
  minConfidenceThreshold: '0.30',
  // A position that somebody opens by hand counts too.
  maxTradesPerSymbol: 2,
  // A replay plays a month in a minute, which is one day to these.
  maxTradesPerDay: null,
  dailyLossLimitFraction: null,
  maxDrawdownFraction: null,
  minRewardToRisk: '1.5',
};

/** They count losses in a row, and stop for half a day or a whole one. */
const BREAKERS_OFF = ['consecutive_losses', 'losing_streak_symbol'];
const REASON = 'a demo plays a month in a minute';
const STRATEGY = 'Moving averages (demo)';
const DAY_SECONDS = 86_400;

type Fields = Record<string, unknown>;
const SHOWN_ONLY = ['version', 'updatedAt', 'updatedBy', 'lastHaltReason', 'warnings', 'scope', 'id', 'currency'];

/** What is shown less what cannot be put. */
export const writable = (shown: Fields): Fields => Object.fromEntries(Object.entries(shown).filter(([name]) => !SHOWN_ONLY.includes(name)));

/** Lets agents trade, where nobody has decided about that yet. @returns whether they may now */
export async function allowTrading(admin: Api): Promise<boolean> {
  const { body: shown } = await admin.get<Fields & { version: number; aiTradingEnabled: boolean }>('/risk-config');
  if (shown.version > 1) return shown.aiTradingEnabled;
  await admin.put('/risk-config', { ...writable(shown), ...LIMITS, reason: REASON }, { ifMatch: shown.version });
  for (const name of BREAKERS_OFF) {
    const { body } = await admin.get<Fields & { version: number }>(`/circuit-breakers/${name}`);
    if (body.version > 1) continue;
    const { minimumSamples, warningFraction, haltMode, reset, parameters } = body;
    await admin.put(`/circuit-breakers/${name}`, { enabled: false, minimumSamples, warningFraction, haltMode, reset: withoutNulls(reset as Fields), parameters, reason: REASON }, { ifMatch: body.version });
  }
  return true;
}

/** The strategy of the demo, found or made. */
export async function strategyOf(admin: Api, symbol: string): Promise<string> {
  const name = `${STRATEGY} ${symbol}`;
  const { body } = await admin.get<{ items: { id: string; name: string; retiredAt?: string | null }[] }>(`/strategies?name=${encodeURIComponent(name)}&retired=false`);
  const known = body.items.find((strategy) => strategy.name === name);
  if (known) return known.id;
  const rules = { allowedSymbols: [symbol], exitRules: { maxHoldingSeconds: DAY_SECONDS }, rrExpectation: '2' };
  return (await admin.post<{ id: string }>('/strategies', { name, ...rules, reason: REASON })).body.id;
}

const withoutNulls = (given: Fields) => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
