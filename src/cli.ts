import './config/node-version.js';
import { Command, CommanderError } from 'commander';
import { commandList } from './cli/command-list.js';
import { CommandError, explain, type Outcome, wrongUsage } from './cli/outcome.js';
import { type PasswordSource, passwordSource } from './cli/password.js';
import type { ExportCommand } from './cli/export.js';
import type { HaltOptions } from './cli/halts.js';
import type { ImportFlags } from './cli/import.js';
import type { RetentionOptions } from './cli/retention.js';
import type { RestoreOptions } from './cli/restore.js';
import type { StatementOptions } from './cli/statement.js';
import { ROLES, SCOPES } from './common/principal.js';
import { readEnv } from './config/env.js';
import { envExample } from './config/settings-text.js';
import { HALT_MODES, HALT_SCOPES } from './halts/halt-rows.js';
import { SYSTEMS } from './legacy/profile.js';
import { EXECUTION_MODES } from './trades/trade-fields.js';
import { APP_VERSION } from './common/version.js';

const json = process.argv.includes('--json');

/** Progress and warnings; stdout is for the answer alone. */
const say = (line: string) => void process.stderr.write(`${line}\n`);

let outcome: Outcome = { json: {}, text: '' };
const run = async (work: () => Promise<Outcome>): Promise<void> => {
  outcome = await work();
};

/** Each command loads what it needs when it runs: most of a short command's time is loading the rest. */
function commands(): Command {
  const program = new Command('tradewarden')
    .description('Works on DATABASE_URL, or on the embedded database of DATA_DIR.\nExit code 0 done, 1 failed and nothing half done, 2 wrong usage, 3 not safe, or halted.')
    .version(APP_VERSION)
    .option('--json', 'print one object, and everything else on stderr')
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  schemaCommands(program);
  peopleCommands(program);
  program.command('env:example').description('print every setting with its default')
    .action(() => {
      outcome = { json: { text: envExample() }, text: envExample().trimEnd() };
    });
  program.command('commands').description('print every command with its options')
    .action(() => {
      outcome = commandList(program);
    });
  program.command('audit:verify').description('was the history of decisions changed? exit code 1 with the rows that were')
    .option('--stream <account>', 'of one account, by its id, or system')
    .option('--heads <log>', 'compare with the heads that the server logged, in this file')
    .action((options: { stream?: string; heads?: string }) => run(async () => (await import('./cli/audit.js')).verifyAudit(readEnv(), say, options)));
  retentionCommand(program);
  backupCommand(program);
  haltCommands(program);
  cutoverCommands(program);
  inquiryCommands(program);
  statementCommand(program);
  restoreCommands(program);
  program.command('import:rollback').description('take back what one import brought, whole or not at all; exit code 1 with what stands in the way')
    .argument('<run>', 'its id')
    .option('--dry-run', 'say what would go, and change nothing')
    .action((runId: string, options: { dryRun?: boolean }) =>
      run(async () => (await import('./cli/import-rollback.js')).importRollback(readEnv(), say, runId, options)));
  importsCommands(program);
  importCommand(program);
  exportCommand(program);
  program.command('status').description('is it safe, and does anything halt? exit code 3 when it is not safe, or something halts')
    .action(() => run(async () => (await import('./cli/status.js')).status(readEnv(), say)));
  return program;
}

function schemaCommands(program: Command): void {
  program.command('setup').description('create database and roles where allowed, migrate, check; may be repeated')
    .action(() => run(async () => (await import('./cli/setup.js')).setup(readEnv(), say)));
  program.command('migrate').description('apply what is pending')
    .action(() => run(async () => (await import('./cli/schema.js')).migrate(readEnv(), say)));
  program.command('migrate:status').description('what is applied, pending, ahead')
    .action(() => run(async () => (await import('./cli/schema.js')).migrateStatus(readEnv(), say)));
  program.command('migrate:down').description('take back the newest migration, with its rows')
    .option('--yes', 'that is meant')
    .action(({ yes }: { yes?: boolean }) => run(async () => (await import('./cli/schema.js')).migrateBack(readEnv(), say, yes ?? false)));
  program.command('roles').description('make a writer role for a database that has one role, and show its URL once')
    .option('--new-password', 'give the role that is there another password')
    .option('--reader', 'a role for reports instead, which reads no secrets and writes nothing')
    .option('--print', 'make nothing: print the grants as SQL, for an administrator to run')
    .action(({ newPassword = false, reader = false, print: printed = false }: { newPassword?: boolean; reader?: boolean; print?: boolean }) => run(async () => {
      const { makeReaderRole, makeRoles, printRoles } = await import('./cli/roles.js');
      if (printed) return printRoles(readEnv(), say, reader);
      return reader ? makeReaderRole(readEnv(), say, newPassword) : makeRoles(readEnv(), say, newPassword);
    }));
}

function peopleCommands(program: Command): void {
  const from = 'prompt, stdin or generated (default: prompt on a terminal, else generated and shown once)';
  program.command('user:create').description('make a person')
    .argument('<email>')
    .requiredOption('--role <role>', ROLES.join(', '))
    .option('--name <name>')
    .option('--password <source>', from, passwordSource)
    .action((email: string, options: { role: string; name?: string; password?: PasswordSource }) =>
      run(async () => (await import('./cli/people.js')).createUser(readEnv(), say, { email, ...options })));
  program.command('user:password').description('give a person another password; ends their sessions')
    .argument('<email>')
    .option('--password <source>', from, passwordSource)
    .action((email: string, options: { password?: PasswordSource }) =>
      run(async () => (await import('./cli/people.js')).setPassword(readEnv(), say, { email, ...options })));
  program.command('key:create').description('make a further key for an agent, shown once')
    .argument('<agent>', 'its name or id')
    .requiredOption('--name <name>', 'what the key is for')
    .option('--scopes <scopes>', `of ${SCOPES.join(',')}; all when left out`)
    .option('--expires <time>', 'RFC 3339 with a zone')
    .option('--rate-limit-per-second <requests>', 'at most so many a second; no limit when left out')
    .action((agent: string, options: { name: string; scopes?: string; expires?: string; rateLimitPerSecond?: string }) =>
      run(async () => (await import('./cli/keys.js')).createKey(readEnv(), say, { agent, ...options })));
}

/** What the schedule does each night, by hand. */
function retentionCommand(program: Command): void {
  program.command('retention').description('remove and archive what is old, as the settings RETENTION_… say; exit code 1 when a table could not be done')
    .option('--dry-run', 'say what would go, and change nothing')
    .option('--as-of <time>', 'as if it were then: RFC 3339, not in the future')
    .option('--table <table>', 'of one table alone')
    .action((options: RetentionOptions) => run(async () => (await import('./cli/retention.js')).retention(readEnv(), say, options)));
}

/** By cron, or by hand before something that may go wrong. */
function backupCommand(program: Command): void {
  program.command('backup').description('write a backup and prove it by restoring it; exit code 1 when either failed, or the copy elsewhere did')
    .option('--list', 'say which there are')
    .option('--dir <folder>', 'instead of BACKUP_DIR')
    .action((options: { list?: boolean; dir?: string }) => run(async () => (await import('./cli/backup.js')).backup(readEnv(), say, options)));
}

/** On the database itself: they work while the server is down. */
function haltCommands(program: Command): void {
  program.command('halt').description('stop trading: nothing opens from here on, exits go on')
    .option('--scope <scope>', `${HALT_SCOPES.join(', ')}`, 'global')
    .option('--id <id>', 'name or id of what is halted; a symbol in any spelling')
    .option('--mode <mode>', HALT_MODES.join(', '), 'halt')
    .requiredOption('--reason <reason>', 'told to everybody who is stopped')
    .action((options: HaltOptions) => run(async () => (await import('./cli/halts.js')).halt(readEnv(), say, options)));
  program.command('release').description('let trade again what a halt holds; nothing comes back')
    .argument('<halt>', 'its id')
    .requiredOption('--reason <reason>')
    .option('--confirm <word>', 'RELEASE, written out')
    .action((id: string, options: { reason: string; confirm?: string }) =>
      run(async () => (await import('./cli/halts.js')).release(readEnv(), say, id, options)));
  program.command('positions').description('what brokers show, account by account')
    .option('--account <account>', 'its name or id')
    .action((options: { account?: string }) => run(async () => (await import('./cli/positions.js')).positions(readEnv(), say, options)));
}

/** Between this system and the one before it, so that never both trade. */
function cutoverCommands(program: Command): void {
  program.command('retire').description('stand aside for another system: nothing opens here until unretire, whoever releases what')
    .requiredOption('--reason <reason>', 'told to everybody who is stopped')
    .action((options: { reason: string }) => run(async () => (await import('./cli/retire.js')).retire(readEnv(), say, options)));
  program.command('unretire').description('trade again: the other system has stopped')
    .requiredOption('--reason <reason>')
    .option('--confirm <word>', 'UNRETIRE, written out')
    .action((options: { reason: string; confirm?: string }) => run(async () => (await import('./cli/retire.js')).unretire(readEnv(), say, options)));
  program.command('mirror').description("keep an old system's files up to date, in MIRROR_URL, until it is told to end")
    .option('--forget <id>', 'no longer say how far this one is, which is no more')
    .action(({ forget }: { forget?: string }) => run(async () => {
      const { forgetMirror, mirror } = await import('./cli/mirror.js');
      return forget === undefined ? mirror(readEnv(), say) : forgetMirror(readEnv(), say, forget);
    }));
  program.command('mirror:drift').description('compare the mirror row by row with the database; exit code 1 when they differ')
    .option('--repair <side>', 'mirror: write it as the database is')
    .action((options: { repair?: string }) => run(async () => (await import('./cli/mirror.js')).mirrorDrift(readEnv(), say, options)));
}

/** Also while the server is down: what became of what, and what is to be asked. */
function inquiryCommands(program: Command): void {
  program.command('why').description('why it was traded, or not: step by step, causes first')
    .argument('<id>', 'of a trade, idea, command, prediction, decision, closure, halt or alert')
    .action((id: string) => run(async () => (await import('./cli/why.js')).why(readEnv(), say, id)));
  program.command('reconcile').description('ask agents to report what their brokers show')
    .option('--agent <agent>', 'its name or id; all when left out')
    .option('--account <account>', 'its name or id')
    .action((options: { agent?: string; account?: string }) => run(async () => (await import('./cli/reconcile.js')).reconcile(readEnv(), say, options)));
}

/** Back to a backup: never over what is live. */
function restoreCommands(program: Command): void {
  program.command('restore').description('put a backup in the place of the database, which is kept; it comes up halted')
    .argument('[backup]', 'its name in BACKUP_DIR, its folder, or latest (the newest that was verified)')
    .option('--yes', 'RESTORE is not asked for')
    .option('--into <name>', 'into a new database of this name, and swap nothing')
    .option('--unverified', 'also one that was never restored and compared')
    .option('--disconnect', 'end the connections of servers that run')
    .option('--other-system', 'also where it is of another system')
    .option('--continue', 'swap in what an earlier run has restored')
    .action((backup: string | undefined, options: RestoreOptions) =>
      run(async () => (await import('./cli/restore.js')).restore(readEnv(), say, backup, options)));
  program.command('restore:drill').description('restore the newest proven backup into a scratch database, compare it, look whether it comes up halted, and throw it away')
    .action(() => run(async () => (await import('./cli/restore.js')).restoreDrill(readEnv(), say)));
  program.command('restore:old').description('databases that were live before a restore')
    .option('--drop <name>', 'remove this one, for good')
    .option('--confirm <name>', 'its name once more')
    .action((options: { drop?: string; confirm?: string }) => run(async () => (await import('./cli/restore.js')).oldDatabases(readEnv(), say, options)));
}

/** What the broker says against what is stored. */
function statementCommand(program: Command): void {
  program.command('statement').description("match a broker's account statement deal by deal with what is stored; exit code 1 when they differ")
    .argument('<file>', "MetaTrader's report (HTML), or CSV with headings")
    .requiredOption('--account <account>', 'its name or id')
    .option('--mode <mode>', `${EXECUTION_MODES.join(', ')}; the one that the account trades in by default`)
    .option('--zone <zone>', 'of times that say none: Europe/Athens, +02:00, America/New_York+7')
    .action((file: string, options: StatementOptions) => run(async () => (await import('./cli/statement.js')).statement(readEnv(), say, file, options)));
}

/** From an old system: a file of SQLite, or a folder of CSV and JSON. */
function importCommand(program: Command): void {
  program.command('import').description('take over what an old system holds, with proof; all of it or nothing')
    .argument('<path>', 'a SQLite file, or a folder of CSV and JSON')
    .option('--profile <system>', `${SYSTEMS.join(', ')}; recognised by the tables when left out`)
    .option('--source <name>', 'with table and old id it names a row for ever; the system by default')
    .option('--account <name>', 'of rows that name none; made when left out')
    .option('--live-account <name>', 'the same, of live trades')
    .option('--mode <mode>', 'of rec_io and FFE, where no file says it: live, paper, simulation; live when left out')
    .option('--dry-run', 'do all of it, and take it back')
    .option('--skip-data', 'only say what tables and columns become')
    .option('--validate-only', 'prove again what the last import of this source brought')
    .option('--accept-rejects', 'leave out rows that cannot be taken over, and list them')
    .option('--batch <rows>', 'commit after so many; then it is not all or nothing')
    .option('--resume', 'go on with the batches that stopped')
    .option('--update', 'take over what has changed since')
    .option('--hot', 'the old system is running: read a copy')
    .option('--final', 'the last copy of a system that has stopped; refused while anything here may trade')
    .option('--report <path>', 'where rejects are written; beside the source by default')
    .action((path: string, options: ImportFlags) => run(async () => {
      (await import('./cli/memory.js')).beginFrugally();
      return (await import('./cli/import.js')).importSource(readEnv(), say, path, options);
    }));
}

/** What imports did; also while the server is down. */
function importsCommands(program: Command): void {
  program.command('import:list').description('which imports there were, the newest first')
    .action(() => run(async () => (await import('./cli/imports.js')).listImports(readEnv(), say)));
  program.command('import:notes').description('what was read otherwise than it stood, row by row')
    .argument('<run>', 'the id of an import')
    .option('--code <code>', 'only these')
    .action((id: string, options: { code?: string }) => run(async () => (await import('./cli/imports.js')).importNotes(readEnv(), say, id, options)));
}

/** What an old application opens again. */
function exportCommand(program: Command): void {
  program.command('export').description("write everything as an old system's own database or files; exit code 1 when live trades are open")
    .requiredOption('--shape <system>', 'ai-trader, ai-trading-platform, sigmatrader, rec-io')
    .requiredOption('--out <path>', 'a new file, or a new folder for ai-trading-platform')
    .option('--source <name>', 'of which import; the only one of that system when left out')
    .option('--with-open-trades', 'also where trades with real money are open')
    .option('--overwrite', 'an earlier export at that place')
    .option('--final', 'hand over: refuses while anything here may still trade, and retires this system first')
    .action((options: ExportCommand) => run(async () => (await import('./cli/export.js')).exportTo(readEnv(), say, options)));
}

/** Null for what is no failure: help and version. */
function failureOf(error: unknown): CommandError | null {
  if (!(error instanceof CommanderError)) return explain(error);
  if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return null;
  if (error.code === 'commander.help') return wrongUsage('Name a command; --help lists them.');
  return wrongUsage(error.message.replace(/^error: /, ''));
}

async function main(): Promise<number> {
  try {
    await commands().parseAsync();
  } catch (error) {
    const failure = failureOf(error);
    if (!failure) return 0;
    if (json) await print({ error: { code: failure.code, message: failure.message } });
    else say(failure.message);
    return failure.exitCode;
  }
  if (json) await print(outcome.json);
  else if (outcome.text !== '') await print(outcome.text);
  return outcome.exitCode ?? 0;
}

const print = (value: object | string) =>
  new Promise<void>((resolve) => process.stdout.write(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`, () => resolve()));

// Ended by force: a connection that is slow to close must not keep a command that is done.
process.exit(await main());
