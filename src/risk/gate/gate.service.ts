import { Injectable } from '@nestjs/common';
import { BreakerTests } from '../../circuit-breaker/breaker-tests.service.js';
import { BreakerEvaluation } from '../../circuit-breaker/evaluation.service.js';
import { type LossBases, LossBasesService } from '../../circuit-breaker/loss-bases.service.js';
import { Exact, sumOf } from '../../common/decimal.js';
import { Metrics } from '../../common/metrics.js';
import { conflict, notFound } from '../../common/problem.js';
import { afterCommit, type Tx } from '../../database/transaction.js';
import { HaltsRepository } from '../../halts/halts.repository.js';
import { currencyPair } from '../../instruments/canonical-symbol.js';
import { conversion, type Rate } from '../../instruments/rates.js';
import { symbolOf } from '../../instruments/symbol-lookup.js';
import { valuesOf } from '../../limits/limit-fields.js';
import type { StrategyRow } from '../../strategies/strategies.repository.js';
import { StrategiesRepository } from '../../strategies/strategies.repository.js';
import { ratesOf } from '../exposure.repository.js';
import { ReservationsRepository } from '../reservations.repository.js';
import { RiskConfigRepository, type RiskConfigRow } from '../risk-config.repository.js';
import { RiskLimitsRepository, type RiskLimitsRow } from '../risk-limits.repository.js';
import { assess } from './assess.js';
import type { GateInput, IdeaFacts, LimitsOf, LossFacts } from './gate-input.js';
import { type FactsAsk, type FactsRow, GateRepository } from './gate.repository.js';
import type { Assessment } from './verdict.js';

export interface GateRequest {
  /** Of the executor, as the idea was read; another since is refused. */
  accountId: string;
  /** Of the executor, as the idea was made; in another since, it is rejected. */
  executionMode: GateInput['mode'];
  executorId: string;
  /** Null: the executor itself, or a person. */
  proposerId: string | null;
  strategyId: string | null;
  idea: IdeaFacts;
  /** As it was told; null where that is the symbol. */
  brokerSymbol: string | null;
  /** What it has closed already: it opens only the rest, and closes no more. */
  reducedSize?: string;
}

export interface Decided {
  input: GateInput;
  assessment: Assessment;
  agentVersion: string | null;
  configHash: string | null;
  /** On an account with one position for an instrument: what the idea closes of the executor's own before it opens anything. */
  reduces: readonly Reduction[];
}

export interface Reduction {
  tradeId: string;
  size: string;
}

/** Asks the rules, with all that they look at. */
@Injectable()
export class GateService {
  constructor(
    private readonly gate: GateRepository,
    private readonly config: RiskConfigRepository,
    private readonly limits: RiskLimitsRepository,
    private readonly strategies: StrategiesRepository,
    private readonly reservations: ReservationsRepository,
    private readonly halts: HaltsRepository,
    private readonly breakers: BreakerEvaluation,
    private readonly tests: BreakerTests,
    private readonly bases: LossBasesService,
    private readonly metrics: Metrics,
  ) {}

  /**
   * For a decision that is carried out in this transaction: holds the account, so that decisions on it go one after the other,
   * then the agents, and what limits; and only then looks at the rest.
   * @throws {Problem} 404; 409 AGENT_MOVED when the executor has another account since
   */
  async decide(tx: Tx, request: GateRequest): Promise<Decided> {
    const decided = await this.look(tx, request, true);
    const { verdict, reasons } = decided.assessment;
    afterCommit(tx, () => this.metrics.verdict(verdict, reasons[0]?.code ?? null));
    return decided;
  }

  /** The same without a lock, for who writes nothing. */
  preview(tx: Tx, request: GateRequest): Promise<Decided> {
    return this.look(tx, request, false);
  }

  /** The account, as the first lock of a decision; `decide` takes it again for nothing. */
  async holdAccount(tx: Tx, accountId: string): Promise<void> {
    await this.gate.account(tx, accountId, true);
  }

  private async look(tx: Tx, request: GateRequest, locked: boolean): Promise<Decided> {
    const { executionMode, executorId, proposerId, strategyId } = request;
    const account = await this.gate.account(tx, request.accountId, locked);
    if (!account) throw notFound('account');
    if (locked) await this.settle(tx, request);
    const agents = await this.gate.agents(tx, [executorId, ...(proposerId === null ? [] : [proposerId])], locked);
    const executor = agents.find(({ id }) => id === executorId);
    if (!executor) throw notFound('agent');
    if (executor.account_id !== account.id) throw conflict('AGENT_MOVED', 'The executor was moved to another account just now: send it again.', true);
    const config = locked ? await this.config.forShare(tx) : await this.config.get(tx);
    const by = { account: account.id, agent: proposerId ?? executorId, strategy: strategyId };
    const rows = locked ? await this.limits.forShare(tx, by) : await this.limits.of(by, tx);
    const strategy = strategyId === null ? null : locked ? await this.strategies.forShare(tx, strategyId) : await this.strategies.byId(strategyId, tx);
    if (strategyId !== null && !strategy) throw notFound('strategy');
    const limits = limitsOf(config, rows, strategy);
    const facts = await this.gate.facts(tx, askOf(request));
    const rates = await this.ratesFor(tx, facts, account.currency, limits, request);
    const calendar = await this.gate.calendar(tx, currenciesOf(request.idea, facts), facts.now);
    if (locked && facts.to_compact > 0) await this.reservations.compact(tx, account.id);
    const { agentVersion, configHash, ...executorFacts } = facts.executor;
    const reduces = account.margin_mode === 'hedging' || request.reducedSize !== undefined ? [] : reductionsOf(facts, request);
    const opens = new Exact(request.idea.lotSize).minus(sumOf([request.reducedSize, ...reduces.map(({ size }) => size)])).toFixed();
    const holds = { accountId: account.id, executionMode, agentIds: agents.map(({ id }) => id), strategyId, symbol: request.idea.symbol };
    const halts = await this.halts.inForce(tx, holds);
    const input: GateInput = {
      now: facts.now, mode: executionMode, idea: { ...request.idea, lotSize: opens }, halts, suspension: facts.suspension,
      executor: { ...executorFacts, symbols: executorFacts.symbols.map(symbolOf) },
      proposer: facts.proposer && { ...facts.proposer, symbols: facts.proposer.symbols.map(symbolOf) },
      account: { id: account.id, kind: account.kind, currency: account.currency, marginMode: account.margin_mode },
      strategy: strategy && strategyFacts(strategy), instrument: facts.instrument, quote: facts.quote, calendar, limits,
      book: {
        held: heldAfter(facts, reduces), openedToday: facts.opened, lastIntent: facts.last_intent, lastLossAt: facts.last_loss_at,
        instrumentOwner: account.margin_mode === 'hedging' ? null : ownerOf(facts, request),
      },
      losses: lossesOf(facts, executionMode, await this.bases.of(tx, { account_id: account.id, execution_mode: executionMode })), rates,
      testing: await this.tests.testingFor(tx, holds),
    };
    return { input, assessment: new Exact(opens).isZero() ? NOTHING_OPENS : assess(input), agentVersion, configHash, reduces };
  }

  /** A breaker that a trade has tripped which was told just now holds this decision too. Before the agents: what ends a halt locks them otherwise. */
  private async settle(tx: Tx, { accountId, executionMode }: GateRequest): Promise<void> {
    await this.breakers.settle(tx, { account_id: accountId, execution_mode: executionMode });
  }

  /** The account's own quotes; of other accounts where these do not lead from one currency to another. */
  private async ratesFor(tx: Tx, facts: FactsRow, currency: string, limits: readonly LimitsOf[], { idea, executionMode }: GateRequest): Promise<Rate[]> {
    const own = ratesOf(facts.rates);
    const needed = new Set([...currenciesOf(idea, facts), ...limits.map((of) => of.currency), ...facts.held.flatMap(({ holding }) => {
      const pair = currencyPair(holding.symbol);
      return [holding.terms?.quoteCurrency, holding.terms?.baseCurrency, holding.terms?.tickValueCurrency, pair?.base, pair?.quote].filter((each) => each != null);
    })]);
    const missing = [...needed].filter((each) => !conversion(each, currency, own, facts.now).known);
    return missing.length === 0 ? own : [...own, ...ratesOf(await this.gate.ratesOfOthers(tx, [...missing, currency], executionMode))];
  }
}

/** What only reduces is never refused. */
const NOTHING_OPENS: Assessment = { verdict: 'approved', reasons: [], rules: [], price: null };

type HeldRow = FactsRow['held'][number];
/** Yes and no of one market are one position there. */
const isSameInstrument = ({ holding, product }: HeldRow, { idea }: GateRequest) => holding.symbol === idea.symbol && holding.exchange === idea.exchange && product === idea.product;
/** Who buys no sells yes. */
const isTowardsYes = ({ direction, outcome }: { direction: 'long' | 'short'; outcome: 'yes' | 'no' | null }) => (direction === 'long') === (outcome !== 'no');

/** The executor's own position on the other side, the oldest trade first, as far as the idea goes. */
function reductionsOf({ held }: FactsRow, request: GateRequest): Reduction[] {
  let left = new Exact(request.idea.lotSize);
  return held.filter((each) => each.kind === 'trade' && each.agentId === request.executorId && isTowardsYes(each.holding) !== isTowardsYes(request.idea) && isSameInstrument(each, request)).flatMap(({ id, reducible }) => {
    const size = Exact.min(left, reducible);
    left = left.minus(size);
    return size.gt(0) ? [{ tradeId: id, size: size.toFixed() }] : [];
  });
}

/** Orders of one instrument net there in whatever order they are filled, so what is being closed no longer counts. */
function heldAfter({ held }: FactsRow, reduces: readonly Reduction[]): GateInput['book']['held'] {
  return held.flatMap(({ reducible: _reducible, ...each }) => {
    const size = new Exact(each.holding.size === '' ? 0 : each.holding.size).minus(reduces.find(({ tradeId }) => tradeId === each.id)?.size ?? 0);
    return size.lte(0) && reduces.some(({ tradeId }) => tradeId === each.id) ? [] : [{ ...each, holding: { ...each.holding, size: size.toFixed() } }];
  });
}

const askOf = ({ accountId, executionMode, executorId, proposerId, strategyId, idea, brokerSymbol }: GateRequest): FactsAsk => ({
  accountId, mode: executionMode, executorId, proposerId, strategyId, symbol: idea.symbol, brokerSymbol, exchange: idea.exchange, product: idea.product, direction: idea.direction,
});

function limitsOf(config: RiskConfigRow, rows: readonly RiskLimitsRow[], strategy: StrategyRow | null): LimitsOf[] {
  const layer = (from: 'account' | 'agent' | 'strategy') => rows.filter((row) => row[`${from}_id`] !== null).map((row): LimitsOf => ({ from, values: valuesOf(row), currency: row.currency }));
  return [
    { from: 'global', values: valuesOf(config), currency: config.currency }, ...layer('account'), ...layer('agent'), ...layer('strategy'),
    ...(strategy ? [{ from: 'riskCaps' as const, values: strategy.risk_caps, currency: strategy.currency }] : []),
  ];
}

const strategyFacts = (row: StrategyRow): NonNullable<GateInput['strategy']> => ({
  id: row.id, version: row.version, name: row.name, isActive: row.is_active, retired: row.retired_at !== null, allowedSymbols: row.allowed_symbols, sessionWindows: row.session_windows,
  holidays: row.holidays, rrExpectation: row.rr_expectation, exitRules: row.exit_rules,
});

/** Of the news that may move it. */
function currenciesOf({ symbol }: IdeaFacts, { instrument: { terms } }: FactsRow): string[] {
  const pair = currencyPair(symbol);
  return [...new Set([pair?.base, pair?.quote, terms?.baseCurrency, terms?.quoteCurrency].filter((each) => each != null))];
}

/** On an account that holds one position for an instrument: the other agent whose it is. */
function ownerOf({ held }: FactsRow, request: GateRequest): string | null {
  return held.find((each) => each.agentId !== request.executorId && isSameInstrument(each, request))?.agentId ?? null;
}

/** In live nobody's word is no figure; elsewhere an account of which nobody reports has what it began with and its deals came to. */
function lossesOf({ losses, profit }: FactsRow, mode: GateInput['mode'], { dayBaseline, drawdownReference, drawdownLockedAt }: LossBases): LossFacts {
  if (losses.equity === null && mode !== 'live') {
    return {
      equity: losses.assumedEquity, equityAssumed: true, dayBaseline: losses.assumedBaseline, drawdownReference: drawdownReference ?? losses.assumedReference, drawdownLockedAt,
      profitToday: profit,
    };
  }
  return { equity: losses.equity, equityAssumed: false, dayBaseline, drawdownReference, drawdownLockedAt, profitToday: profit };
}
