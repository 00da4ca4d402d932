import { createHash, randomBytes } from 'node:crypto';
import type { Tx } from '../../database/transaction.js';
import type { NewEvent } from '../../events/events.service.js';
import { ImportFailure, type ImportRun } from './import-run.js';
import { kindOf, type Mode, type Owner, type RunOwners } from './owners.js';

/** Makes the agents, accounts and the source of alerts for which rows have asked, once for a source. */
export class OwnersMade {
  /** What was made, to be told when it is committed: in between other events would wait behind these. */
  private readonly events: NewEvent[] = [];
  private readonly done = new Set<string>();

  constructor(
    private readonly run: ImportRun,
    private readonly owners: RunOwners,
    private readonly currency: string,
    private readonly actor: string,
  ) {}

  async make(tx: Tx): Promise<void> {
    for (const [mode, owner] of this.owners.asked) if (this.isNew(mode)) await this.agent(tx, mode, owner);
    if (this.owners.alertSource !== null && this.isNew('alerts')) await this.alertSource(tx, this.owners.alertSource);
  }

  /** Returns what makes it forget all that it makes from now on: the database is taken back to here. */
  mark(): () => void {
    const done = [...this.done];
    const told = this.events.length;
    return () => {
      this.done.clear();
      for (const what of done) this.done.add(what);
      this.events.length = told;
    };
  }

  /** Told with the next commit, once. */
  told(): NewEvent[] {
    return this.events.splice(0);
  }

  private isNew(what: string): boolean {
    if (this.done.has(what)) return false;
    this.done.add(what);
    return true;
  }

  private async agent(tx: Tx, mode: Mode, { agentId, accountId }: Owner): Promise<void> {
    const { source, seq, accounts, id } = this.run;
    const kind = kindOf(mode);
    if (accounts[kind] === null) await this.account(tx, accountId, kind === 'live' ? `${source} live` : source, kind);
    const made = await tx.sql<unknown[]>`
      insert into agents (id, name, account_id, mode, run, run_reason, retired_at)
      values (${agentId}, ${`imported ${source} ${seq} ${mode}`}, ${accountId}, ${mode}, 'stopped', '{"code": "AGENT_RETIRED", "by": "import"}', app_clock())
      on conflict (id) do nothing returning 1`;
    if (made.length === 0) return;
    await tx.sql`insert into agent_state (agent_id) values (${agentId})`;
    await this.note(tx, 'agents', agentId);
    this.events.push({ type: 'agent.created', subjectId: agentId, agentId, accountId, data: { mode, importRunId: id } }, { type: 'agent.retired', subjectId: agentId, agentId, data: { importRunId: id } });
  }

  private async account(tx: Tx, accountId: string, name: string, kind: string): Promise<void> {
    if (!this.isNew(`account ${accountId}`)) return;
    const made = await tx.sql<unknown[]>`
      insert into accounts (id, name, kind, currency, margin_mode) values (${accountId}, ${name}, ${kind}, ${this.currency}, 'hedging') on conflict do nothing returning 1`;
    if (made.length > 0) {
      await this.note(tx, 'accounts', accountId);
      this.events.push({ type: 'account.created', subjectId: accountId, accountId, data: { name, kind, importRunId: this.run.id } });
      return;
    }
    const there = await tx.sql<{ id: string }[]>`select id from accounts where id = ${accountId}`;
    if (there.length > 0) return;
    const option = kind === 'live' ? '--live-account' : '--account';
    throw new ImportFailure('ACCOUNT_NAME_TAKEN', `There is an account named ${name} that no import of ${this.run.source} has made. Name the account that rows without one belong to with ${option}, or give the source another name with --source.`);
  }

  private async note(tx: Tx, table: string, id: string): Promise<void> {
    await tx.sql`update import_runs set made = made || ${JSON.stringify([{ table, id }])}::jsonb where id = ${this.run.id}`;
  }

  private async alertSource(tx: Tx, id: string): Promise<void> {
    const name = `imported ${this.run.source}`;
    const nobodys = createHash('sha256').update(randomBytes(32)).digest('hex');
    const made = await tx.sql<unknown[]>`
      insert into webhook_sources (id, name, mapping, action, token_hash, created_by, updated_by, retired_at)
      values (${id}, ${name}, '"sigmatrader"', 'store', ${nobodys}, ${this.actor}, ${this.actor}, app_clock()) on conflict (id) do nothing returning 1`;
    if (made.length === 0) return;
    await this.note(tx, 'webhook_sources', id);
    this.events.push({ type: 'webhook_source.created', subjectId: id, data: { name, importRunId: this.run.id } }, { type: 'webhook_source.retired', subjectId: id, data: { importRunId: this.run.id } });
  }
}
