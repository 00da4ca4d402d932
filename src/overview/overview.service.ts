import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AgentsRepository, type AgentWithState } from '../agents/agents.repository.js';
import { desiredStateOf } from '../agents/desired-state.js';
import { livenessOf, whyNotTrading } from '../agents/liveness.js';
import { LossFloorsService } from '../circuit-breaker/loss-floors.service.js';
import { BreakerStanding, type StandingBreaker } from '../circuit-breaker/standing.service.js';
import { queueFiguresWithin } from '../commands/queue-figures.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { IncidentsRepository } from '../incidents/incidents.repository.js';
import { toIncident } from '../incidents/incidents.schemas.js';
import { HaltsShownRepository } from '../kill-switch/halts-shown.repository.js';
import { ExposureService } from '../risk/exposure.service.js';
import { toBook } from './book-shown.js';
import { HeldRepository } from './held.repository.js';
import { known, shownHeld, unknown } from './held-shown.js';
import { lightOf, toHaltShown } from './light.js';
import { type AgentMore, OverviewRepository } from './overview.repository.js';
import { ACCOUNTS_MOST, AGENTS_MOST, type Book, HALTS_MOST, INCIDENTS_MOST, LOOKED_AT_MOST, type Overview, POSITIONS_MOST } from './overview.schemas.js';

/** Is my money safe: what is known of all accounts, agents and halts at one moment. Nothing is locked, and nothing is counted twice. */
@Injectable()
export class OverviewService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly overview: OverviewRepository,
    private readonly held: HeldRepository,
    private readonly exposures: ExposureService,
    private readonly floors: LossFloorsService,
    private readonly breakers: BreakerStanding,
    private readonly halts: HaltsShownRepository,
    private readonly agents: AgentsRepository,
    private readonly incidents: IncidentsRepository,
  ) {}

  /** One look: what its parts say of each other holds. */
  get(): Promise<Overview> {
    return inTransaction(this.dataSource, async (tx) => {
      await tx.query('set transaction isolation level repeatable read, read only');
      const now = await this.overview.now(tx);
      const exposures = await this.exposures.within(tx, ACCOUNTS_MOST);
      const keys = exposures.map(({ row: { account_id, execution_mode } }) => ({ account_id, execution_mode }));
      const floors = await this.floors.of(tx, keys, now);
      const days = await this.overview.days(tx, keys);
      const halts = await this.halts.inForce(tx);
      const held = await this.overview.held(tx);
      const agents = await this.agents.list({ retired: false }, AGENTS_MOST - 1, undefined, tx);
      const names = namesOf(agents, exposures.map(({ row }) => row));
      const breakers = (await this.breakers.of(tx)).map((row) => ({ row, shown: toBreaker(row, names) }));
      const books = exposures.map((exposure): Book => {
        const isIts = (each: { account_id: string | null; execution_mode: string | null }) => each.account_id === exposure.row.account_id && each.execution_mode === exposure.row.execution_mode;
        return toBook({ exposure, floors: floors.find(isIts), day: days.find(isIts), halts, opens: held.length === 0, breakers: breakers.filter(({ row }) => isIts(row)).map(({ shown }) => shown), now });
      });
      const open = await this.held.open(tx, [...new Set(keys.map(({ account_id }) => account_id))], LOOKED_AT_MOST);
      const { positions, problems } = shownHeld(open.rows, now);
      return {
        serverTime: now, light: lightOf(halts, books, held), accounts: books,
        problems: problems.slice(0, POSITIONS_MOST), problemsTotal: problems.length, openPositions: positions.slice(0, POSITIONS_MOST), openPositionsTotal: open.total,
        halts: halts.slice(0, HALTS_MOST).map(toHaltShown), haltsTotal: halts.length,
        breakers: breakers.map(({ row, shown }) => ({ ...shown, account: row.account_id === null ? null : (names.get(row.account_id) ?? null) })),
        agents: await this.agentsShown(tx, agents), agentsTotal: await this.overview.agentsTotal(tx), incidents: await this.incidentsShown(tx), ...(await this.waiting(tx)),
      };
    });
  }

  private async agentsShown(tx: Tx, agents: readonly AgentWithState[]): Promise<Overview['agents']> {
    const more = new Map((await this.overview.agents(tx, agents.map(({ id }) => id))).map((row) => [row.id, row]));
    return agents.flatMap((agent) => {
      const rest = more.get(agent.id);
      return rest ? [toAgent(agent, rest)] : [];
    });
  }

  private async incidentsShown(tx: Tx): Promise<Overview['incidents']> {
    const counts = await this.incidents.unresolved(tx);
    const of = (acknowledged: boolean) => {
      const count = (severity: string) => counts.find((each) => each.severity === severity && each.acknowledged === acknowledged)?.count ?? 0;
      return { critical: count('critical'), warning: count('warning'), info: count('info') };
    };
    return { open: of(false), acknowledged: of(true), newest: (await this.incidents.list({ status: 'open' }, INCIDENTS_MOST - 1, undefined, tx)).map(toIncident) };
  }

  /** Last: it tells the planner of this transaction to keep to indexes. */
  private async waiting(tx: Tx): Promise<Pick<Overview, 'waiting' | 'queue'>> {
    const { ideas, quarantined } = await this.overview.waiting(tx);
    const { byStatus, due, oldestDueSeconds } = await queueFiguresWithin(tx);
    return {
      waiting: { ideasNeedingApproval: ideas, quarantinedAlerts: quarantined, unknownCommands: byStatus.unknown },
      queue: { depth: byStatus.queued + byStatus.waiting_for_market, oldestSeconds: due === 0 ? null : Math.floor(oldestDueSeconds), inFlight: byStatus.leased },
    };
  }
}

const namesOf = (agents: readonly AgentWithState[], books: readonly { account_id: string; name: string }[]): Map<string, string> =>
  new Map([...agents.flatMap(({ id, name, account_id, account }) => [[id, name] as const, [account_id, account] as const]), ...books.map(({ account_id, name }) => [account_id, name] as const)]);

function toBreaker({ name, scope_type, scope_id, account_id, execution_mode, state, value, limit_value, unit, since, resets, halt_id }: StandingBreaker, names: ReadonlyMap<string, string>): Book['breakers'][number] {
  return {
    name, scope: { type: scope_type, id: scope_id, name: scope_id === null ? null : scope_type === 'symbol' ? scope_id : (names.get(scope_id) ?? null) },
    accountId: account_id, executionMode: execution_mode, state, value, limit: limit_value, unit, since, resets, haltId: halt_id,
  };
}

function toAgent(row: AgentWithState, more: AgentMore): Overview['agents'][number] {
  const whyNot = whyNotTrading(row);
  const closed = more.unpriced_today;
  return {
    id: row.id, name: row.name, mode: row.mode, accountId: row.account_id, account: row.account, currency: more.currency, liveness: livenessOf(row.silent_seconds), canTrade: whyNot === null, whyNot, status: row.status,
    wanted: desiredStateOf(row), observedStateVersion: row.observed_state_version, hasObserved: row.observed_state_version !== null && row.observed_state_version >= row.state_version,
    tradingLeaseEndsAt: more.trading_lease_until, openPositions: more.open_trades,
    profitToday: closed > 0 ? unknown(`the result of ${closed} ${closed === 1 ? 'trade' : 'trades'} closed today is not known`) : known(more.profit_today),
    commandInFlight: more.command, commandsOpen: more.waiting + (more.command?.status === 'leased' ? 1 : 0), lastSeenAt: row.last_seen_at, agentVersion: row.agent_version, errorMessage: row.error_message,
  };
}

