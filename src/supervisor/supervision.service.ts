import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { WantedClosure } from '../closures/closures.repository.js';
import { ClosuresService } from '../closures/closures.service.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction } from '../database/transaction.js';
import { type NewIncident, Incidents } from '../incidents/incidents.service.js';
import { MarksService } from '../trades/marks.service.js';
import { FLAT_OF_MIS, lastFlat } from './rules/flat-by.js';
import { firedAs, judge } from './rules/judge.js';
import { type Supervised, SupervisionRepository } from './supervision.repository.js';

const LOOK_EVERY_SECONDS = 5;
const AT_ONCE = 500;

/** Has trades closed whose rules say so: as marks come, and by the clock, which also finds what a crash left unjudged. */
@Injectable()
export class SupervisionService implements OnApplicationShutdown {
  private readonly log = new Logger('Supervisor');
  private readonly heard = new Set<string>();
  private working: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly supervision: SupervisionRepository,
    private readonly closures: ClosuresService,
    private readonly incidents: Incidents,
    marks: MarksService,
    schedules: Schedules,
  ) {
    marks.onTaken((tradeIds) => this.look(tradeIds));
    schedules.every(LOOK_EVERY_SECONDS, 'supervisor.watch', () => this.watch());
  }

  /** After the commit of their marks. Nobody waits for it: who marks come for while one look runs, come into the next. */
  private look(tradeIds: readonly string[]): void {
    const waits = this.heard.size > 0;
    for (const id of tradeIds) this.heard.add(id);
    if (waits || this.stopped || this.heard.size === 0) return;
    this.working = this.working.then(async () => {
      const ids = [...this.heard];
      this.heard.clear();
      await this.judge(await this.supervision.mayFire(ids, []));
    }).catch((error: Error) => this.log.warn(`judged by the clock instead: ${error.message}`));
  }

  /** All that is open. */
  async watch(): Promise<void> {
    const { rules, now } = await this.supervision.flatRules();
    const due = (rule: typeof FLAT_OF_MIS) => new Date(lastFlat(rule, Date.parse(now))).toISOString();
    const flats = [...rules.map((rule) => ({ rule, product: null, at: due(rule) })), { rule: null, product: 'MIS', at: due(FLAT_OF_MIS) }];
    await this.judge(await this.supervision.mayFire(null, flats));
  }

  private async judge(ids: readonly string[]): Promise<void> {
    for (let n = 0; n < ids.length; n += AT_ONCE) {
      const judged = (await this.supervision.load(ids.slice(n, n + AT_ONCE))).map(toDo);
      const wanted = judged.flatMap((each) => each.wanted ?? []);
      const wide = judged.flatMap((each) => each.wide ?? []);
      if (wanted.length + wide.length === 0) continue;
      await inTransaction(this.dataSource, async (tx) => {
        await this.closures.wantAll(tx, null, wanted);
        await this.incidents.openAll(tx, null, wide);
      });
    }
  }

  /** All that this instance was told of is judged; for tests, and for the end. */
  idle(): Promise<void> {
    return this.working;
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    await this.working;
  }
}

/** The first rule that fires and has not had its once; and what would have, but for the spread. */
function toDo(supervised: Supervised): { wanted: WantedClosure | null; wide: NewIncident | null } {
  const { id, agent_id: agentId, symbol, trade, rules, marks, now, fired } = supervised;
  const verdicts = judge(trade, rules, marks, now);
  const fires = verdicts.find(({ rule, verdict }) => verdict.is === 'fire' && !fired.some((each) => each.rule === firedAs(rule, verdict)));
  if (fires?.verdict.is === 'fire') {
    const { detail, size } = fires.verdict;
    return { wide: null, wanted: { tradeId: id, cause: 'supervisor', rule: firedAs(fires.rule, fires.verdict), detail, size: size ?? null, exitReason: 'supervisor' } };
  }
  const held = verdicts.filter(({ verdict }) => verdict.is === 'unknown' && verdict.why === 'SPREAD_WIDE').map(({ rule }) => rule);
  const { bid, ask } = marks.at(-1) ?? {};
  const wide: NewIncident = {
    kind: 'SPREAD_WIDE', severity: 'warning', subjectId: id, agentId, data: { symbol, rules: held, bid, ask },
    summary: `A trade in ${symbol} is not closed by ${held.join(', ')}: the spread is wide (${bid} to ${ask}).`,
  };
  return { wanted: null, wide: held.length > 0 ? wide : null };
}
