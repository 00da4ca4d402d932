import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { isDatabaseAway } from '../../database/sql-state.js';
import { inTransaction, type Tx } from '../../database/transaction.js';
import { canonicalSymbol, symbolKey } from '../../instruments/canonical-symbol.js';
import { mapSignal } from '../mapping/map-signal.js';
import type { Signal } from '../mapping/signal.js';
import { readAlert } from '../reading/read-alert.js';
import { AlertEnds } from './alert-ends.service.js';
import type { FinishedAlert } from './finished.repository.js';
import { type MappedAlert, MappingRepository, type UnmappedAlert } from './mapping.repository.js';
import { isExit } from './overtaking.js';

/** Bodies are up to 192 KiB: so many are 19 MB at the worst. */
const AT_ONCE = 100;
/** Requests are answered in between: reading 100 large bodies in a row would take a quarter of a second. */
const BREATHE_AFTER_MS = 5;
/** Then what is mapped takes its turns: an exit among it waits for no more than that. */
const RUN_MS = 100;
const ASK_EVERY_MS = 3;
const SYMBOL_CHARACTERS = 200;

type Read = { mapped: MappedAlert } | { finished: FinishedAlert; isUnreadable: boolean };

const WITHOUT_SIGNAL = { signal: null, isExit: null };

/** First step of the inbox: what stored bytes say. In the order in which they were numbered, by one instance at a time. */
@Injectable()
export class AlertMapping {
  private readonly log = new Logger('Inbox');
  /** Longer than storing may take; then order between alerts that arrived at the same moment is given up, and nothing is lost. Tests wait longer: they stop at any line. */
  waitForStoringMs = 2_000;

  constructor(
    private readonly dataSource: DataSource,
    private readonly mapping: MappingRepository,
    private readonly ends: AlertEnds,
  ) {}

  /** Some at a time, for a tenth of a second. @param goOn false ends it between two batches @returns whether there is more */
  async run(goOn: () => boolean): Promise<boolean> {
    const until = performance.now() + RUN_MS;
    while (goOn() && (await this.mapping.isAnyUnmapped())) {
      if (performance.now() > until) return true;
      try {
        await inTransaction(this.dataSource, (tx) => this.batch(tx, AT_ONCE));
      } catch (error) {
        if (isDatabaseAway(error)) throw error;
        // One of them cannot be written as it is read: alone it ends in quarantine and the others pass.
        this.log.error(`alerts could not be mapped together, going one by one: ${(error as Error).message}`);
        for (let i = 0; i < AT_ONCE && goOn() && (await this.mapping.isAnyUnmapped()); i++) await this.one();
      }
    }
    return false;
  }

  private async one(): Promise<void> {
    try {
      await inTransaction(this.dataSource, (tx) => this.batch(tx, 1));
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      this.log.error(`an alert could not be mapped: ${(error as Error).message}`);
      await inTransaction(this.dataSource, (tx) => this.batch(tx, 1, notStorable));
    }
  }

  private async batch(tx: Tx, limit: number, read: (alert: UnmappedAlert) => Read = readWhole): Promise<void> {
    await this.mapping.alone(tx);
    const last = await this.mapping.lastUnmapped(tx);
    if (last === null) return;
    await this.whenStored(tx);
    const alerts = await this.mapping.unmapped(tx, last, limit);
    const results: Read[] = [];
    let since = performance.now();
    for (const alert of alerts) {
      results.push(read(alert));
      if (performance.now() - since < BREATHE_AFTER_MS) continue;
      await breathe();
      since = performance.now();
    }
    await this.mapping.map(tx, results.flatMap((result) => ('mapped' in result ? [result.mapped] : [])));
    const finished = results.flatMap((result, n) => ('finished' in result ? [{ ...result, alert: alerts[n] as UnmappedAlert }] : []));
    await this.ends.end(tx, finished.map(({ finished: end, isUnreadable, alert }) => ({
      ...end, isUrgent: isUnreadable, source: { id: alert.source_id, name: alert.source_name, executorAgentId: alert.executor_agent_id }, isRedriven: alert.redriven_at !== null,
    })));
    await this.ends.heard(tx, [...new Set(alerts.filter(({ redriven_at }) => redriven_at === null).map(({ source_id }) => source_id))]);
  }

  /** Numbers are drawn before the commit: a lower one may still come to light while its statement runs, and has to be mapped first. */
  private async whenStored(tx: Tx): Promise<void> {
    const deadline = performance.now() + this.waitForStoringMs;
    let before = await this.mapping.storing(tx);
    while (before.length > 0 && performance.now() < deadline) {
      await pause(ASK_EVERY_MS);
      const now = new Set(await this.mapping.storing(tx));
      before = before.filter((each) => now.has(each));
    }
  }
}

/** Total: whatever is wrong with an alert ends it, and no other. */
function readWhole(alert: UnmappedAlert): Read {
  try {
    const { payload, unreadable } = readAlert(alert.body, alert.content_type ?? undefined, alert.mapping);
    if (payload === null) return quarantined(alert, unreadable ?? { code: 'BODY_NOT_READABLE', detail: 'The body could not be read.' }, true);
    const result = mapSignal(payload, alert.mapping, alert.symbols);
    if (!('signal' in result)) return { finished: ended(alert, result.outcome, result), isUnreadable: false };
    const { signal } = result;
    const mapped = { id: alert.id, run: alert.run, signal, isExit: isExit(signal), symbol: streamOf(signal) };
    if (alert.action !== 'store') return { mapped };
    // Nothing is to be done, so nothing has to wait for its turn.
    return { finished: { ...ended(alert, 'processed', { code: null, detail: null }), outcome: { plan: 'store' }, mapped }, isUnreadable: false };
  } catch {
    return quarantined(alert, { code: 'MAPPING_FAILED', detail: 'Mapping failed by a fault of the server.' }, true);
  }
}

const notStorable = (alert: UnmappedAlert): Read => quarantined(alert, { code: 'SIGNAL_NOT_STORABLE', detail: 'What it says cannot be stored: it holds characters that no text may have.' }, true);

const ended = ({ id, run, symbol }: UnmappedAlert, status: FinishedAlert['status'], { code, detail }: { code: string | null; detail: string | null }): FinishedAlert =>
  ({ id, run, status, code, detail, outcome: null, mapped: { ...WITHOUT_SIGNAL, symbol } });
const quarantined = (alert: UnmappedAlert, why: { code: string; detail: string }, isUnreadable: boolean): Read => ({ finished: ended(alert, 'quarantined', why), isUnreadable });

/** Where its turn is taken: one spelling for one instrument, as the source's list of symbols has it now. */
function streamOf({ symbol, exchange }: Signal): string {
  const canonical = canonicalSymbol(symbol, exchange?.toUpperCase() ?? null);
  return (canonical ? symbolKey(canonical) : symbol).slice(0, SYMBOL_CHARACTERS);
}
