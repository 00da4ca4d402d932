import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Caller } from '../common/http/caller.js';
import { badRequest, notFound, Problem } from '../common/problem.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { canonicalSymbol } from '../instruments/canonical-symbol.js';
import { effectiveLimits, type LimitLayer } from '../limits/effective-limits.js';
import { valuesOf } from '../limits/limit-fields.js';
import { RiskConfigRepository } from '../risk/risk-config.repository.js';
import { RiskLimitsRepository } from '../risk/risk-limits.repository.js';
import { AgentCheckRepository, type SymbolFacts } from './agent-check.repository.js';
import type { CheckAnswer, CheckBody } from './agent-check.schemas.js';
import { type Check, checksOf, probeOf } from './agent-checks.js';
import { IdeasService } from './ideas.service.js';
import type { Proposal } from './trade-ideas.schemas.js';

type Opening = CheckAnswer['opening'];
interface Asked {
  opening: Opening;
  check: Check;
}

const NOT_ASKED: Opening = { wouldPass: null, verdict: null, stoppedBy: null, rules: [], reasons: [], probe: null };

/** Why an agent does not trade, answered before it tries. Writes nothing. */
@Injectable()
export class AgentCheckService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly facts: AgentCheckRepository,
    private readonly config: RiskConfigRepository,
    private readonly limits: RiskLimitsRepository,
    private readonly ideas: IdeasService,
  ) {}

  /** @throws {Problem} 404; 400 for a person's idea that another agent is to trade */
  check(caller: Caller, agentId: string, body: CheckBody): Promise<CheckAnswer> {
    const own = caller.principal.kind === 'agent' ? caller.principal : null;
    const given = body.idea?.executorAgentId ?? null;
    if (own === null && given !== null && given !== agentId) throw badRequest('VALIDATION_FAILED', 'must be the agent that is checked', 'idea.executorAgentId');
    return inTransaction(this.dataSource, async (tx) => {
      await tx.query('set transaction isolation level repeatable read, read only');
      const found = await this.facts.facts(tx, agentId, own?.keyId ?? null);
      if (!found) throw notFound('agent');
      const asked = (body.symbols ?? found.own_symbols).map((told) => {
        const canonical = canonicalSymbol(told);
        return { told, symbol: canonical?.symbol ?? told, exchange: canonical?.exchange ?? null };
      });
      const symbols = await this.facts.symbols(tx, found.account_id, asked);
      const limits = await this.effective(tx, found.account_id, agentId);
      const checks = checksOf({ ...found, symbols }, limits, own && { sentAt: body.sentAt ?? null, instance: own.instanceId });
      const [reward] = limits.minRewardToRisk;
      // A person proposes for the agent: it is what would trade.
      const forAgent = own ? {} : { executorAgentId: agentId };
      const { opening, check } = body.idea ? await this.ask(tx, caller, { ...body.idea, ...forAgent }, null) : await this.probe(tx, caller, symbols[0] ?? null, reward?.value ?? null, forAgent);
      const all = [...checks, check];
      return { ok: all.every(({ ok }) => ok !== false), checks: all, opening, checkedAt: found.now };
    });
  }

  private probe(tx: Tx, caller: Caller, first: SymbolFacts | null, reward: string | null, forAgent: { executorAgentId?: string }): Promise<Asked> | Asked {
    if (!first) return notAsked('there is no symbol to try an opening of: give symbols or an idea');
    const { symbol, bid, ask } = first;
    if (bid === null || ask === null) return notAsked(`nobody told a quote of ${symbol}: send one, or give an idea`);
    const { lotSize, stopLoss, takeProfit, outcome } = probeOf({ ...first, bid, ask }, reward);
    const target = takeProfit === null ? {} : { takeProfit: [{ price: takeProfit, sizeFraction: '1' }] };
    return this.ask(tx, caller, { symbol, direction: 'long', lotSize, stopLoss, ...target, outcome, rationale: 'a check of what would stop an opening', confidence: '1', ...forAgent }, { symbol, lotSize, stopLoss, takeProfit });
  }

  /** What would be refused before the gate (another agent's executor, no such strategy) is told as what stops it. */
  private async ask(tx: Tx, caller: Caller, idea: Proposal, probe: Opening['probe']): Promise<Asked> {
    try {
      const { verdict, reasons, rules } = await this.ideas.checkWithin(tx, caller, idea);
      const stops = rules.find(({ outcome }) => outcome === verdict);
      const [reason] = stops?.reasons ?? reasons;
      const wouldPass = verdict === 'approved';
      const stoppedBy = wouldPass ? null : { rule: stops?.rule ?? '', code: reason?.code ?? '', message: reason?.message ?? '' };
      const what = probe === null ? 'the idea' : `a probe (long ${probe.lotSize} ${probe.symbol}, stop ${probe.stopLoss}${probe.takeProfit === null ? '' : `, target ${probe.takeProfit}`})`;
      const detail = stoppedBy === null ? `${what} would pass now` : `${what}: ${verdict}, by the rule ${stoppedBy.rule}: ${stoppedBy.code}: ${stoppedBy.message}`;
      return { opening: { wouldPass, verdict, stoppedBy, rules, reasons, probe }, check: { name: 'opening', ok: wouldPass, detail } };
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) throw error;
      const stoppedBy = { rule: 'request', code: error.code, message: error.message };
      return { opening: { ...NOT_ASKED, wouldPass: false, stoppedBy, probe }, check: { name: 'opening', ok: false, detail: `${error.code}: ${error.message}` } };
    }
  }

  private async effective(tx: Tx, accountId: string, agentId: string) {
    const rows = await this.limits.of({ account: accountId, agent: agentId }, tx);
    const layer = (row: { currency: string } | undefined): LimitLayer | null => (row ? { values: valuesOf(row), currency: row.currency } : null);
    return effectiveLimits({ global: layer(await this.config.get(tx)), account: layer(rows.find(({ account_id: id }) => id !== null)), agent: layer(rows.find(({ agent_id: id }) => id !== null)) });
  }
}

const notAsked = (detail: string): Asked => ({ opening: NOT_ASKED, check: { name: 'opening', ok: null, detail } });
