import type { Tx } from '../../database/transaction.js';
import type { TableMapping } from '../profile.js';
import { type Proof, type ProofAsk, prove } from '../proof/proof.js';
import { setBySet } from '../proof/set-by-set.js';
import type { Source, SourceTable } from '../source/cell.js';
import { type TargetTable, TARGETS } from '../targets.js';
import { BULK_ROWS } from './bulk-lane.js';
import { type AppendDecisions, ChunkLoader, complete } from './chunk-loader.js';
import { type GivenSource, ImportFailure, type ImportOptions, type ImportReport, type ImportRun, type SumReport, type TableReport } from './import-run.js';
import { ImportsSql } from './imports.repository.js';
import { OwnersMade } from './owners.repository.js';
import { RunOwners } from './owners.js';
import { References } from './references.js';
import type { RejectFile } from './reject-file.js';
import type { Secrets } from './secrets.js';
import { secretsLeft } from './secrets-left.js';
import { StrategyNames } from './strategy-names.js';
import { CHUNK_ROWS, TableLoader } from './table-loader.js';
import { TableNames } from './table-names.js';
import { TableReader } from './table-reader.js';
import { Updates } from './updates.js';

/** Hears how far it is. */
export interface ImportWatch {
  /** Before the first row: what there is to do. */
  /** @param reads how often each row is read: to be stored, and to be proved */
  begins(tables: readonly { name: string; rows: number }[], reads: 1 | 2): void;
  rows(table: string, done: number): void;
  /** What is done beside rows. */
  says(line: string): void;
}

export type Mappings = (table: SourceTable) => TableMapping | null;

/** What a profile makes of each table, asked once. */
export function mappingsOf({ profile, shape, source }: Pick<GivenSource, 'profile' | 'shape' | 'source'>): Mappings {
  const known = new Map<string, TableMapping | null>();
  return (table) => {
    let mapping = known.get(table.name);
    if (mapping === undefined) known.set(table.name, (mapping = profile.mapping(table, shape, source)));
    return mapping;
  };
}

/** What others refer to first; what the profile does not name comes last, as the source has it. */
export function inOrder(tables: readonly SourceTable[], order: readonly string[]): SourceTable[] {
  const place = ({ base }: SourceTable) => (order.includes(base) ? order.indexOf(base) : order.length);
  return [...tables].sort((one, other) => place(one) - place(other));
}

export interface WorkAsk {
  given: GivenSource;
  source: Source;
  mappings: Mappings;
  options: ImportOptions;
  run: ImportRun;
  isResumed: boolean;
  secrets: Secrets;
  strategies: StrategyNames;
  rejects: RejectFile;
  actor: string;
  appendDecisions: AppendDecisions;
  watch: ImportWatch;
  /** Ends a transaction and begins the next, where it is done by batches. */
  commit(): Promise<void>;
}

/** Reads all tables of a source into the database, in the transaction that it is given. */
export class ImportWork {
  readonly owners: OwnersMade;
  private readonly loaders: TableLoader[] = [];
  private readonly names: TableNames;
  private readonly asked: RunOwners;
  private sinceCommit = 0;
  private rejectsStored = 0;
  private readonly report: ImportReport;

  constructor(private readonly ask: WorkAsk) {
    const { given, source, run, options } = ask;
    this.names = new TableNames(source.tables);
    this.asked = new RunOwners(run, this.names, ask.strategies);
    this.owners = new OwnersMade(run, this.asked, given.profile.currency ?? 'USD', ask.actor);
    this.report = emptyReport(given, options, run.id);
  }

  /** As far as it has come. */
  reported(): ImportReport {
    const { rejects, secrets } = this.ask;
    const notes: Record<string, number> = {};
    for (const loader of this.loaders) for (const [code, count] of loader.notes) notes[code] = (notes[code] ?? 0) + count;
    const noteExamples = Object.assign({}, ...[...this.loaders].reverse().map((loader) => Object.fromEntries(loader.noteExamples))) as Record<string, string>;
    return { ...this.report, tables: this.loaders.map(({ report }) => report), notes, noteExamples, rejects: rejects.first, rejected: rejects.count, secrets: secrets.report() };
  }

  async load(tx: Tx): Promise<void> {
    const { run, options, source, given, secrets, watch, rejects, isResumed } = this.ask;
    const tables = inOrder(source.tables, given.profile.order);
    watch.begins(tables.map((table) => ({ name: table.name, rows: table.count() })), 2);
    const chunks = new ChunkLoader(run, this.ask.appendDecisions);
    const references = new References(run.source, await ImportsSql.needed(tx, Object.keys(TARGETS)));
    const chunkRows = Math.min(CHUNK_ROWS, options.batch ?? CHUNK_ROWS);
    const monthsEnd = await ImportsSql.monthsEnd(tx);
    for (const table of tables) {
      const mapping = this.ask.mappings(table);
      const [reader, uncounted] = [true, false].map((counted) => new TableReader(table, mapping, secrets.table(table, mapping, counted), this.asked.of(table), this.names)) as [TableReader, TableReader];
      const loader: TableLoader = new TableLoader({
        tx, run, chunks, owners: this.owners, references, updates: options.update ? new Updates(run) : null, secrets, monthsEnd, isResumed, isByBatches: options.batch !== null, chunkRows, bulkRows: Math.min(BULK_ROWS, options.batch ?? BULK_ROWS),
        reject: (reject) => rejects.add(reject), stored: (rows) => this.stored(tx, table, loader.report, rows),
      }, table, reader, uncounted);
      this.loaders.push(loader);
      await loader.load();
      // A log that the old program still writes to: that is the reason, and not the sums.
      if (loader.report.read !== table.count()) await source.unchanged?.();
      mustAddUp(loader.report, table.count());
    }
  }

  /** Batches are committed when they are full. One with a reject is not, unless rejects are accepted. */
  private async stored(tx: Tx, table: SourceTable, report: TableReport, rows: number): Promise<void> {
    const { options, rejects, watch, commit } = this.ask;
    watch.rows(table.name, report.read);
    this.sinceCommit += rows;
    if (options.batch === null || options.dryRun || this.sinceCommit < options.batch) return;
    if (rejects.count > 0 && !options.acceptRejects) throw rejected(rejects.count);
    await this.storeRejects(tx);
    await commit();
    this.sinceCommit = 0;
  }

  /** @throws {ImportFailure} where something is not as it must be */
  async finish(tx: Tx): Promise<ImportReport> {
    const { options, rejects, run, secrets, watch, source } = this.ask;
    if (rejects.count > 0 && !options.acceptRejects) {
      // The half of a line that is being written is no fault of the row's.
      await source.unchanged?.();
      throw rejected(rejects.count);
    }
    await this.storeRejects(tx);
    this.report.sums = await setBySet((text) => tx.query(text), () => this.sums(tx));
    watch.says('looking for secrets in what was stored');
    const worded = this.loaders.filter(({ isBulk }) => !isBulk).flatMap(({ targets }) => [...targets] as TargetTable[]);
    this.report.secretsLeft = await setBySet((text) => tx.query(text), () => secretsLeft(tx, secrets, run, [...new Set(worded)]));
    if (this.report.secretsLeft > 0) throw new ImportFailure('SECRETS_LEFT', `${this.report.secretsLeft} secrets would be left in what is stored.`);
    this.report.proof = await proofOf(tx, { ...this.ask, names: this.names, seen: (table) => this.loaders.find(({ report }) => report.name === table.name)?.seen ?? null }, (table, rows) => watch.rows(`${table} (proof)`, rows));
    if (!this.report.proof.ok) throw new ImportFailure('PROOF_FAILED', `What was stored is not what the source holds: ${this.report.proof.damaged} findings.`);
    await source.unchanged?.();
    return this.reported();
  }

  private async storeRejects(tx: Tx): Promise<void> {
    const { rejects, run } = this.ask;
    if (rejects.count === this.rejectsStored) return;
    for await (const part of rejects.from(this.rejectsStored)) await ImportsSql.rejects(tx, run.id, part);
    this.rejectsStored = rejects.count;
  }

  private async sums(tx: Tx): Promise<ImportReport['sums']> {
    const all: ImportReport['sums'] = {};
    for (const { sums, report, targets, tableId } of this.loaders) {
      const of: Record<string, SumReport> = {};
      for (const [column, { to, sum }] of sums) {
        let target = '0';
        const table = [...targets].find((name) => to in TARGETS[name as TargetTable].columns);
        if (table !== undefined) target = await ImportsSql.sum(tx, tableId, this.ask.run.seq, table, to);
        of[column] = { source: sum.toString(), target };
        // Of a run that is gone on with, and of rows taken over again, the database has others too: those the proof adds up.
        if (!this.ask.isResumed && report.updated === 0 && of[column].source !== target) throw new ImportFailure('SUM_MISMATCH', `${report.name}.${column}: ${of[column].source} was read and ${target} is stored.`);
      }
      if (sums.size > 0) all[report.name] = of;
    }
    return all;
  }
}

export interface ProofInput {
  source: Source;
  mappings: Mappings;
  run: ImportRun;
  secrets: Secrets;
  names: TableNames;
  /** Tables that need not be read again. */
  seen?: NonNullable<ProofAsk['seen']>;
}

/** Reads everything again, as the loader did, but for what is added up already, and has it compared. */
export async function proofOf(tx: Tx, { source, mappings, run, secrets, names, seen }: ProofInput, progress: NonNullable<ProofAsk['progress']>): Promise<Proof> {
  const owners = new RunOwners(run, names, await StrategyNames.of(tx, run.source));
  const readers = new Map<string, TableReader>();
  const twice = new Map<string, Set<string>>();
  for (const { name, oldId } of await ImportsSql.keptTwice(tx, run.source)) twice.set(name, (twice.get(name) ?? new Set()).add(oldId));
  return prove({
    query: (text, values) => tx.query(text, values as unknown[]), run: { id: run.id, seq: run.seq, source: run.source, startedAt: run.at }, source, mapping: mappings, progress, ...(seen ? { seen } : {}),
    read(table, row) {
      let reader = readers.get(table.name);
      if (!reader) readers.set(table.name, (reader = new TableReader(table, mappings(table), secrets.table(table, mappings(table), false), owners.of(table), names)));
      const prepared = reader.prepare(row);
      if (prepared.reject) throw prepared.reject;
      if (twice.get(table.name)?.has(row.id)) return { rows: [], hash: prepared.hash, original: reader.kept(prepared) };
      complete(run.source, table.name, prepared, (target) => TARGETS[target as TargetTable]);
      return { rows: prepared.rows, hash: prepared.hash, original: prepared.original };
    },
  });
}

export const rejected = (count: number): ImportFailure =>
  new ImportFailure('ROWS_REJECTED', `${count === 1 ? 'One row' : `${count} rows`} cannot be taken over. Correct the source, or leave them out with --accept-rejects.`);

function mustAddUp({ name, read, imported, unchanged, archived, rejected: refused }: TableReport, counted: number): void {
  if (read !== imported + unchanged + archived + refused) throw new ImportFailure('SUM_MISMATCH', `${name}: ${read} rows were read, and ${imported} imported, ${unchanged} unchanged, ${archived} archived, ${refused} rejected.`);
  if (read !== counted) throw new ImportFailure('SUM_MISMATCH', `${name}: its database counts ${counted} rows, and ${read} were read.`);
}

export function emptyReport({ fileName, source, profile, shape }: GivenSource, options: ImportOptions, runId: string): ImportReport {
  return {
    runId, status: 'failed', source: { file: fileName, name: options.source, sha256: source.sha256, system: profile.system, shape }, dryRun: options.dryRun, batch: options.batch, tables: [], sums: {}, notes: {}, noteExamples: {}, rejects: [], rejected: 0,
    rejectsFile: null, secrets: [], secretsLeft: 0, proof: null, error: null,
  };
}
