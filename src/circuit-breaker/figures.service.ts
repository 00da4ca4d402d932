import { Injectable } from '@nestjs/common';
import { Exact } from '../common/decimal.js';
import type { Run } from '../database/statements.js';
import type { Tx } from '../database/transaction.js';
import { effectiveLimits, type LimitLayer } from '../limits/effective-limits.js';
import { isAmount, LIMIT_NAMES, valuesOf } from '../limits/limit-fields.js';
import { inSession } from '../strategies/in-session.js';
import type { Sessions } from '../instruments/terms.js';
import { AgentFiguresRepository } from './agent-figures.repository.js';
import type { BreakerName } from './breakers.js';
import type { Settings } from './breaker-settings.js';
import { dailyLoss, dailyTarget, drawdown } from './loss-figures.js';
import { LossFactsRepository, type LossRow } from './loss-facts.repository.js';
import { type Book, type Measured, TradeFiguresRepository } from './trade-figures.repository.js';
import type { Figure } from './verdict.js';

export type AllSettings = { [N in BreakerName]: Settings<N> };

/** What a breaker measures of one scope in a book. */
export interface ScopeFigure extends Figure {
  breaker: BreakerName;
  book: Book;
  scopeId: string;
  /** Of an amount: the account's currency, and the equity that it was made of, as a report says it. */
  currency: string | null;
  equity: string | null;
}

const LOSSES = ['daily_loss', 'daily_target', 'drawdown'] as const;

/** Figures of books, each from the rows of that moment; what is disabled is not measured. */
@Injectable()
export class FiguresService {
  constructor(
    private readonly trades: TradeFiguresRepository,
    private readonly agents: AgentFiguresRepository,
    private readonly losses: LossFactsRepository,
  ) {}

  /** @param run for the large ones: prepared, or in the transaction @param wellSince since when this server hears what is told */
  async of(tx: Tx, run: Run, books: readonly Book[], all: AllSettings, now: string, wellSince: string): Promise<ScopeFigure[]> {
    if (books.length === 0) return [];
    const found: ScopeFigure[] = await this.lossFigures(tx, run, books, all, now);
    const measure = async <N extends BreakerName>(breaker: N, limit: string, read: (settings: Settings<N>) => Promise<Measured[]>): Promise<void> => {
      const settings = all[breaker] as Settings<N>;
      if (!settings.enabled) return;
      for (const { account_id, execution_mode, scope_id, value, samples } of await read(settings)) {
        found.push({ breaker, book: { account_id, execution_mode }, scopeId: scope_id, value, limit, samples, currency: null, equity: null });
      }
    };
    await measure('consecutive_losses', String(all.consecutive_losses.parameters.lossesMost), () => this.trades.consecutiveLosses(run, books));
    await measure('losing_streak_symbol', String(all.losing_streak_symbol.parameters.lossesMost), () => this.trades.losingStreaks(run, books));
    await measure('low_profit_symbol', all.low_profit_symbol.parameters.lossAmountMost, (settings) => this.trades.symbolLosses(run, books, settings));
    await measure('trades_per_hour', String(all.trades_per_hour.parameters.openingsMost), () => this.trades.openingsOfHour(run, books));
    await measure('trades_per_day', String(all.trades_per_day.parameters.openingsMost), () => this.trades.openingsOfDay(run, books));
    await measure('model_degradation', all.model_degradation.parameters.hitRateFractionLeast, (settings) => this.agents.hitRates(run, books, settings));
    await measure('reject_rate', all.reject_rate.parameters.rejectedFractionMost, (settings) => this.agents.rejections(run, books, settings));
    await measure('slippage', all.slippage.parameters.slippageFractionMost, (settings) => this.trades.slippage(run, books, settings));
    await measure('stale_heartbeat', String(all.stale_heartbeat.parameters.silenceSeconds), () => this.agents.silences(run, books, wellSince));
    await measure('stale_prices', String(all.stale_prices.parameters.silenceSeconds), async () =>
      (await this.agents.unquoted(run, books, wellSince)).filter(({ sessions }) => isOpen(sessions, now)));
    await measure('agent_errors', String(all.agent_errors.parameters.failuresMost), (settings) => this.agents.failures(run, books, settings));
    return found;
  }

  /** Of the database as a whole. */
  async latency(tx: Tx, settings: Settings<'database_latency'>): Promise<Figure | null> {
    const found = settings.enabled ? await this.agents.latency(tx, settings) : null;
    return found && { ...found, limit: String(settings.parameters.millisecondsMost) };
  }

  private async lossFigures(tx: Tx, run: Run, books: readonly Book[], all: AllSettings, now: string): Promise<ScopeFigure[]> {
    const breakers = LOSSES.filter((name) => all[name].enabled);
    if (breakers.length === 0) return [];
    const rows = await this.losses.facts(run, books, breakers);
    const known = rows.filter(({ equity }) => equity !== null);
    if (known.length === 0) return [];
    const { global, accounts } = await this.losses.limits(tx, [...new Set(known.map(({ account_id }) => account_id))]);
    const layers = new Map(accounts.map((row) => [row.account_id, layerOf(row)]));
    const found: ScopeFigure[] = [];
    for (const row of known) {
      const limits = effectiveLimits({ global: layerOf(global), account: layers.get(row.account_id) ?? null });
      const foreign = LIMIT_NAMES.some((name) => isAmount(name) && limits[name].some(({ currency }) => currency !== row.currency));
      const rates = foreign ? await this.losses.rates(tx, row.account_id) : [];
      const figure = lossOf(row, all, limits, { currency: row.currency, rates, now });
      const { account_id, execution_mode } = row;
      if (figure) found.push({ ...figure, breaker: row.breaker, book: { account_id, execution_mode }, scopeId: account_id, currency: row.currency, equity: reported(row) });
    }
    return found;
  }
}

function lossOf(row: LossRow, all: AllSettings, limits: ReturnType<typeof effectiveLimits>, money: Parameters<typeof dailyLoss>[3]): Figure | null {
  switch (row.breaker) {
    case 'daily_loss': return dailyLoss(row, all.daily_loss.parameters, limits, money);
    case 'daily_target': return dailyTarget(row, all.daily_target.parameters, limits, money);
    case 'drawdown': return drawdown(row, all.drawdown.parameters, limits, money);
  }
}

const reported = ({ equity, unexplainedRise }: LossRow): string | null => (equity === null ? null : new Exact(equity).plus(unexplainedRise).toFixed());

const layerOf = (row: { currency: string }): LimitLayer => ({ values: valuesOf(row), currency: row.currency });

/** Without sessions it is always traded, as far as anybody said. */
function isOpen(sessions: Sessions | null, now: string): boolean {
  if (sessions === null) return true;
  const { zone, windows, holidays, earlyCloses } = sessions;
  const closed = [...holidays.map((date) => ({ date, closed: true as const })), ...earlyCloses.map(({ date, at }) => ({ date, closesAt: at }))];
  return inSession(windows.map((window) => ({ ...window, zone })), closed, new Date(now)).open;
}
