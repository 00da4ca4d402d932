import { basename, resolve } from 'node:path';
import type { Env } from '../config/env.js';
import type { DatabaseUrls } from '../database/urls.js';
import { APP_VERSION } from '../common/version.js';
import { type GivenSource, ImportFailure, type ImportOptions, type ImportReport } from '../legacy/load/import-run.js';
import { ImportService } from '../legacy/load/import.service.js';
import { placeOfReport } from '../legacy/load/reject-file.js';
import type { Mode } from '../legacy/load/owners.js';
import { type Profile, type System, SYSTEMS } from '../legacy/profile.js';
import { PROFILES } from '../legacy/profiles/profiles.js';
import { recognise } from '../legacy/recognise.js';
import { openSource } from '../legacy/source/open-source.js';
import { SourceError } from '../legacy/source/source-error.js';
import { type Say, withDatabase } from './database.js';
import { ImportModule } from './import.module.js';
import { textOf } from './import-text.js';
import { CommandError, type Outcome, wrongUsage } from './outcome.js';
import { watchFor } from './import-progress.js';
import { migratedAsAtStart } from './schema.js';
import { withServices, withServicesOf } from './services.js';

export interface ImportFlags {
  profile?: string;
  source?: string;
  account?: string;
  liveAccount?: string;
  mode?: string;
  dryRun?: boolean;
  skipData?: boolean;
  validateOnly?: boolean;
  acceptRejects?: boolean;
  batch?: string;
  resume?: boolean;
  update?: boolean;
  hot?: boolean;
  final?: boolean;
  report?: string;
}

const MODES: readonly Mode[] = ['live', 'paper', 'simulation'];

/** Names of agents and accounts are made with it: with what stands around it no more than 100 characters. */
const SOURCE_NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,59}$/u;

/** Takes over what an old system holds. Exit code 1: nothing was left behind, or of batches what was committed. */
export async function importSource(env: Env, say: Say, path: string, flags: ImportFlags): Promise<Outcome> {
  const batch = batchOf(flags);
  const system = systemOf(flags);
  return told(async () => {
    const opened = await openSource(path, { hot: flags.hot ?? false });
    try {
      const { profile, shape, source } = recognise(opened, PROFILES, system);
      const options: ImportOptions = {
        source: flags.source ?? profile.system, account: flags.account ?? null, liveAccount: flags.liveAccount ?? null, mode: modeOf(flags, profile), dryRun: flags.dryRun ?? false, skipData: flags.skipData ?? false,
        acceptRejects: flags.acceptRejects ?? false, batch, resume: flags.resume ?? false, update: flags.update ?? false, final: flags.final ?? false, report: flags.report === undefined ? await placeOfReport(resolve(path)) : resolve(flags.report),
      };
      return outcomeOf(await work(env, say, { fileName: basename(resolve(path)), source, profile, shape }, options, flags));
    } finally {
      opened.close();
    }
  });
}

function work(env: Env, say: Say, given: GivenSource, options: ImportOptions, flags: ImportFlags): Promise<ImportReport> {
  const interrupted = () => say(options.batch === null ? '\nInterrupted: nothing was imported.' : '\nInterrupted: what was committed stays; --resume goes on.');
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  return withDatabase(env, say, async (urls) => {
    await migratedAsAtStart(env, say, urls);
    if (options.final) await mustBeFinal(env, urls);
    return withServicesOf(ImportModule.with(env), urls, async (app) => {
      const service = app.get(ImportService, { strict: false });
      const watch = watchFor(process.stderr);
      try {
        if (options.skipData) return await service.mapped(given, options);
        if (flags.validateOnly) return await service.validate(urls.unpooledUrl, given, options, watch);
        return await service.run(urls.unpooledUrl, given, options, watch, APP_VERSION);
      } finally {
        watch.ends();
      }
    });
  }).finally(() => process.off('SIGINT', interrupted).off('SIGTERM', interrupted));
}

/** What it asks is most of the application, which the import itself does without. */
async function mustBeFinal(env: Env, urls: DatabaseUrls): Promise<void> {
  const { FinalityService } = await import('../legacy/cutover/finality.service.js');
  await withServices(env, urls, (app) => app.get(FinalityService, { strict: false }).mustBeFinalToImport());
}

/** What the old file or the run says, as a failure of the command. */
async function told(run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ImportFailure || error instanceof SourceError) throw new CommandError(error.code, error.message);
    throw error;
  }
}

function outcomeOf(report: ImportReport): Outcome {
  return { json: report, text: textOf(report), exitCode: report.status === 'finished' ? 0 : 1 };
}

function batchOf({ batch, resume, source, dryRun, update, skipData, validateOnly, final, hot, acceptRejects }: ImportFlags): number | null {
  if (source !== undefined && !SOURCE_NAME.test(source)) throw wrongUsage('--source: 1 to 60 letters, digits, blanks or ._-, the first a letter or digit');
  if (resume && batch === undefined) throw wrongUsage('--resume: goes with --batch; without it an import is all or nothing, and begins anew');
  if (resume && dryRun) throw wrongUsage('--resume: not with --dry-run');
  if ([dryRun, skipData, validateOnly].filter(Boolean).length > 1) throw wrongUsage('--dry-run, --skip-data and --validate-only: one of them');
  if (final && (hot || dryRun || skipData || validateOnly || acceptRejects)) throw wrongUsage('--final: the last copy of a system that has stopped, whole; not with --hot, --dry-run, --skip-data, --validate-only or --accept-rejects');
  if (validateOnly && update) throw wrongUsage('--validate-only: writes nothing, so not with --update');
  if (batch === undefined) return null;
  if (!/^\d{1,9}$/.test(batch) || Number(batch) < 1) throw wrongUsage('--batch: must be a whole number of rows, 1 or more');
  return Number(batch);
}

function modeOf({ mode }: ImportFlags, { system, asksMode }: Profile): Mode | null {
  if (mode === undefined) return null;
  if (!asksMode) throw wrongUsage(`--mode: ${system} says it with each row`);
  if (!MODES.includes(mode as Mode)) throw wrongUsage(`--mode: must be one of ${MODES.join(', ')}`);
  return mode as Mode;
}

function systemOf({ profile }: ImportFlags): System | null {
  if (profile === undefined) return null;
  const system = SYSTEMS.find((each) => each === profile);
  if (!system) throw wrongUsage(`--profile: must be one of ${SYSTEMS.join(', ')}`);
  return system;
}
