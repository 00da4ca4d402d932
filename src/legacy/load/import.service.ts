import { setImmediate as turn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { masked } from '../../auth/credentials.js';
import { isDatabaseAway, plainReason } from '../../database/sql-state.js';
import type { ImportedDecision } from '../../decisions/decision.js';
import { DecisionsService } from '../../decisions/decisions.service.js';
import { Events } from '../../events/events.service.js';
import type { TargetRow, Value } from '../profile.js';
import type { Source } from '../source/cell.js';
import { valueOf } from './chunk-loader.js';
import { type GivenSource, ImportFailure, type ImportOptions, type ImportReport, type ImportRun } from './import-run.js';
import { ImportSession } from './import-session.js';
import { emptyReport, ImportWork, inOrder, type ImportWatch, type Mappings, mappingsOf, proofOf } from './import-work.js';
import { ImportsSql } from './imports.repository.js';
import { mustBeWritable, RejectFile } from './reject-file.js';
import { RunOwners } from './owners.js';
import { withSafeIds } from './safe-ids.js';
import { Secrets } from './secrets.js';
import { StrategyNames } from './strategy-names.js';
import { TableNames } from './table-names.js';
import { TableReader } from './table-reader.js';

/** Who an import is done by, in events and decisions. */
const IMPORTER = 'import';
const NOBODY = '00000000-0000-0000-0000-000000000000';

interface Asked {
  given: GivenSource;
  source: Source;
  mappings: Mappings;
  options: ImportOptions;
  /** The run of this source before it, or that is gone on with. */
  former: ImportRun | null;
  secrets: Secrets;
  rejects: RejectFile;
  watch: ImportWatch;
  appVersion: string;
}

/** Runs of imports: what there is to do is in `ImportWork`, here is what a run is, how it ends, and what is left of one that failed. */
@Injectable()
export class ImportService {
  constructor(
    private readonly events: Events,
    private readonly decisions: DecisionsService,
  ) {}

  /** What each table and column would become; asks no database. */
  async mapped(given: GivenSource, options: ImportOptions): Promise<ImportReport> {
    const mappings = mappingsOf(given);
    const secrets = await Secrets.of({ ...given.source, tables: [] }, mappings, turn);
    const names = new TableNames(given.source.tables);
    const owners = new RunOwners({ source: options.source, at: '', accounts: { paper: null, live: null } }, names, StrategyNames.none(options.source));
    const tables = inOrder(given.source.tables, given.profile.order).map((table) => {
      const reader = new TableReader(table, mappings(table), secrets.table(table, mappings(table), false), owners.of(table), names);
      return {
        name: table.name, target: reader.because === null ? 'import' : 'archive', because: reader.because, read: table.count(), imported: 0, unchanged: 0, archived: 0, rejected: 0, updated: 0, columns: reader.report(),
      };
    });
    return { ...emptyReport(given, options, NOBODY), status: 'finished', dryRun: true, tables };
  }

  /**
   * @param url of the database, past any transaction pooler, as the writer
   * @returns what was done, also where it came to nothing: then with its error, and nothing was left behind
   * @throws {ImportFailure} IMPORT_RUNNING, REPORT_UNWRITABLE, ACCOUNT_UNKNOWN, NOTHING_TO_RESUME before anything is done; COMMIT_UNKNOWN
   */
  async run(url: string, given: GivenSource, options: ImportOptions, watch: ImportWatch, appVersion: string): Promise<ImportReport> {
    if (!options.dryRun) await mustBeWritable(options.report);
    const session = await ImportSession.open(url);
    const rejects = new RejectFile();
    try {
      const former = await this.former(session, options, given.source.sha256);
      const said = saying(given, options.mode ?? former?.mode ?? null);
      const mappings = mappingsOf(said);
      const source = withSafeIds(said.source, mappings);
      watch.says('looking for secrets');
      const secrets = await Secrets.of(source, mappings, turn);
      return await this.inSession(session, url, { given: said, source, mappings, options, former, secrets, rejects, watch, appVersion });
    } finally {
      rejects.remove();
      await session.close();
    }
  }

  /** Whose rows they are was said to the run before: it is so for the next too, unless something else is said. */
  private async former(session: ImportSession, { resume, source }: ImportOptions, sha256: string): Promise<ImportRun | null> {
    await session.begin();
    try {
      return await (resume ? ImportsSql.unfinished(session.tx, source, sha256) : ImportsSql.newest(session.tx, source));
    } finally {
      await session.rollback();
    }
  }

  private async inSession(session: ImportSession, url: string, asked: Asked): Promise<ImportReport> {
    const { options } = asked;
    await session.begin();
    let begun: { run: ImportRun; isResumed: boolean };
    try {
      begun = await this.begin(session, asked);
    } catch (error) {
      await session.rollback();
      throw error;
    }
    const work = await this.workOf(session, asked, begun);
    try {
      if (options.batch !== null && !options.dryRun) {
        await session.commit();
        await session.begin();
      }
      await work.load(session.tx);
      return await this.end(session, url, asked, begun.run, await work.finish(session.tx), work);
    } catch (error) {
      await session.rollback();
      if (error instanceof ImportFailure && error.code === 'COMMIT_UNKNOWN') throw error;
      return this.failed(session, url, asked, begun.run, work.reported(), error);
    }
  }

  private async begin(session: ImportSession, { given, options, former, appVersion }: Asked): Promise<{ run: ImportRun; isResumed: boolean }> {
    if (options.resume) {
      const run = await ImportsSql.unfinished(session.tx, options.source, given.source.sha256);
      if (!run) throw new ImportFailure('NOTHING_TO_RESUME', `No import of ${options.source} by batches has stopped half way with this very file.`);
      await ImportsSql.reopen(session.tx, run.id);
      return { run, isResumed: true };
    }
    const accounts = {
      paper: (await accountOf(session, options.account, '--account', false)) ?? former?.accounts.paper ?? null, live: (await accountOf(session, options.liveAccount, '--live-account', true)) ?? former?.accounts.live ?? null,
    };
    return { run: await ImportsSql.begin(session.tx, newRun(uuidv7(), given, options, appVersion), accounts, given.source.mode ?? null), isResumed: false };
  }

  private async workOf(session: ImportSession, { given, source, mappings, options, secrets, rejects, watch }: Asked, { run, isResumed }: { run: ImportRun; isResumed: boolean }): Promise<ImportWork> {
    const strategies = await StrategyNames.of(session.tx, run.source);
    const work: ImportWork = new ImportWork({
      given, source, mappings, options, run, isResumed, secrets, strategies, rejects, watch, actor: IMPORTER,
      appendDecisions: (tx, rows) => this.decisions.appendImported(tx, `import:${run.id}`, IMPORTER, rows.map(decisionOf)),
      commit: async () => {
        await this.events.append(session.tx, null, work.owners.told());
        await session.commit();
        await session.begin();
      },
    });
    return work;
  }

  private async end(session: ImportSession, url: string, { options, rejects }: Asked, run: ImportRun, report: ImportReport, work: ImportWork): Promise<ImportReport> {
    const done: ImportReport = { ...report, status: 'finished', rejectsFile: rejects.count > 0 && !options.dryRun ? options.report : null };
    const { tx } = session;
    await this.events.append(tx, null, [...work.owners.told(), { type: 'import.finished', subjectId: run.id, data: toldOf(done) }]);
    await ImportsSql.end(tx, run.id, 'finished', done);
    if (options.dryRun) {
      await session.rollback();
      return done;
    }
    if (done.rejectsFile !== null) await rejects.putTo(done.rejectsFile);
    try {
      await session.commit();
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      // Lost in the very moment of committing: only the database knows.
      if ((await statusOf(url, run.id)) !== 'finished') throw error;
    }
    return done;
  }

  /** What remains of a run that came to nothing: its row, its rejects, and their file. */
  private async failed(session: ImportSession, url: string, { given, options, rejects, appVersion }: Asked, run: ImportRun, report: ImportReport, error: unknown): Promise<ImportReport> {
    const failed: ImportReport = { ...report, status: 'failed', error: toldError(error) };
    if (options.dryRun) return failed;
    if (rejects.count > 0) {
      try {
        await rejects.putTo(options.report);
        failed.rejectsFile = options.report;
      } catch (unwritable) {
        failed.error = toldError(unwritable);
      }
    }
    try {
      await this.noteFailure(session, given, options, run, failed, rejects, appVersion);
    } catch {
      // On a connection of its own, since that of the run may be gone.
      const other = await ImportSession.open(url).catch(() => null);
      await (other && this.noteFailure(other, given, options, run, failed, rejects, appVersion).catch(() => undefined));
      await other?.close();
    }
    return failed;
  }

  private async noteFailure(session: ImportSession, given: GivenSource, options: ImportOptions, run: ImportRun, failed: ImportReport, rejects: RejectFile, appVersion: string): Promise<void> {
    await session.begin();
    try {
      const { tx } = session;
      if ((await ImportsSql.status(tx, run.id)) === null) await ImportsSql.begin(tx, newRun(run.id, given, options, appVersion), run.accounts, run.mode);
      else await ImportsSql.reopen(tx, run.id);
      for await (const part of rejects.from(0)) await ImportsSql.rejects(tx, run.id, part);
      await ImportsSql.end(tx, run.id, 'failed', failed);
      await session.commit();
    } catch (error) {
      await session.rollback();
      throw error;
    }
  }

  /**
   * Proves again what the newest finished run of a source has brought. Writes nothing.
   * @throws {ImportFailure} NOTHING_TO_VALIDATE
   */
  async validate(url: string, given: GivenSource, options: ImportOptions, watch: ImportWatch): Promise<ImportReport> {
    const session = await ImportSession.open(url);
    try {
      await session.begin();
      const run = await ImportsSql.newest(session.tx, options.source);
      if (!run) throw new ImportFailure('NOTHING_TO_VALIDATE', `No import of ${options.source} has finished here: import it first, or name another with --source ("tradewarden import:list" shows them).`);
      const said = saying(given, run.mode);
      const mappings = mappingsOf(said);
      const source = withSafeIds(said.source, mappings);
      const secrets = await Secrets.of(source, mappings, turn);
      watch.begins(source.tables.map((table) => ({ name: table.name, rows: table.count() })), 1);
      const proof = await proofOf(session.tx, { source, mappings, run, secrets, names: new TableNames(source.tables) }, (table, rows) => watch.rows(`${table} (proof)`, rows));
      await session.rollback();
      const error = proof.ok ? null : { code: 'PROOF_FAILED', message: `What is stored is not what the source holds: ${proof.damaged} findings.` };
      return { ...emptyReport(given, options, run.id), status: proof.ok ? 'finished' : 'failed', proof, error };
    } finally {
      await session.close();
    }
  }
}

const saying = (given: GivenSource, mode: ImportRun['mode']): GivenSource => (given.profile.asksMode ? { ...given, source: { ...given.source, mode } } : given);

const newRun = (id: string, { fileName, source, profile, shape }: GivenSource, options: ImportOptions, appVersion: string) => ({
  id, source: options.source, system: profile.system, shape, fileName, sha256: source.sha256, actor: IMPORTER, appVersion,
  options: { batch: options.batch, acceptRejects: options.acceptRejects, update: options.update, final: options.final ?? false, account: options.account, liveAccount: options.liveAccount },
});

async function accountOf(session: ImportSession, name: string | null, option: string, isLive: boolean): Promise<string | null> {
  if (name === null) return null;
  const account = await ImportsSql.account(session.tx, name);
  if (!account) throw new ImportFailure('ACCOUNT_UNKNOWN', `${option}: there is no account named ${name}.`);
  if ((account.kind === 'live') !== isLive) throw new ImportFailure('ACCOUNT_KIND', `${option}: ${name} is ${account.kind}; rows of ${isLive ? 'live' : 'paper and simulated'} trades would belong to it.`);
  return account.id;
}

function decisionOf({ values }: TargetRow): ImportedDecision {
  const text = (value: Value | undefined) => (typeof value === 'string' ? value : null);
  return {
    id: text(values.id) ?? '', type: text(values.type) as ImportedDecision['type'], decidedAt: text(values.at), agentId: text(values.agent_id), reason: text(values.reason),
    riskCheckResult: valueOf(values.risk_check_result), humanOverride: valueOf(values.human_override),
  };
}

const toldOf = ({ source, tables, rejected }: ImportReport): Record<string, unknown> => {
  const sum = (field: 'imported' | 'unchanged' | 'archived') => tables.reduce((total, table) => total + table[field], 0);
  return { source: source.name, system: source.system, sha256: source.sha256, imported: sum('imported'), unchanged: sum('unchanged'), archived: sum('archived'), rejected };
};

/** Of what was thrown; never with a password or an address. */
function toldError(error: unknown): { code: string; message: string } {
  if (isDatabaseAway(error)) return { code: 'DATABASE_UNAVAILABLE', message: `The database was lost: ${plainReason(error)}.` };
  const { code, message } = error as { code?: unknown; message?: string };
  const own = typeof code === 'string' && /^[A-Z]+(_[A-Z]+)+$/.test(code);
  return { code: own ? code : 'IMPORT_FAILED', message: masked(message ?? String(error)).slice(0, 1_000) };
}

/** @throws {ImportFailure} COMMIT_UNKNOWN */
async function statusOf(url: string, runId: string): Promise<string | null> {
  let session: ImportSession | null = null;
  try {
    session = await ImportSession.open(url);
    await session.begin();
    return await ImportsSql.status(session.tx, runId);
  } catch {
    throw new ImportFailure('COMMIT_UNKNOWN', 'The database was lost while the import was being committed: it is there whole, or not at all. Import again: what is there is unchanged then.');
  } finally {
    await session?.close();
  }
}
