import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { backupDir } from '../backup/place.js';
import type { Backup } from '../backup/read-backup.js';
import { redacted } from '../backup/redacted.js';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { withClient } from '../database/client.js';
import { DatabaseService } from '../database/database.service.js';
import { identityOf } from '../database/roles.js';
import { inTransaction } from '../database/transaction.js';
import type { DatabaseUrls } from '../database/urls.js';
import { Events } from '../events/events.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import type { Arrived } from './arrival.service.js';
import { type Arrive, firstOf } from './bring-up.js';
import { DrillsRepository } from './drills.repository.js';
import { RestoreFailed } from './failed.js';
import { inScratchCluster } from './restore-cluster.js';
import { alone, inScratch } from './restore-database.js';
import { type Step, Steps } from './steps.js';
import { chosenBackup } from './which-backup.js';

export interface DrillDone {
  id: string;
  backup: string;
  backupAt: string;
  seconds: number;
  steps: Step[];
}

/** What the incident of a failed drill is about: there is one at a time. */
const SUBJECT = 'restore-drill';

/** Restores the newest proven backup into a scratch place, looks whether it comes up halted, and throws it away. What is live notices nothing. */
@Injectable()
export class Drills {
  private arrive: Arrive | null = null;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly dataSource: DataSource,
    private readonly database: DatabaseService,
    private readonly repository: DrillsRepository,
    private readonly events: Events,
    private readonly incidents: Incidents,
  ) {}

  /** How an arrival is run in another database: what makes an application stands above. */
  arriveBy(arrive: Arrive): void {
    this.arrive = arrive;
  }

  /** @throws an Error of one line, without passwords; it is recorded, and an incident */
  async run({ say = () => undefined, signal }: { say?: (line: string) => void; signal?: AbortSignal | undefined } = {}): Promise<DrillDone> {
    const id = randomUUID();
    const startedAt = await this.repository.clock();
    const steps = new Steps(say, signal);
    let backup: Backup | null = null;
    try {
      const chosen = (backup = await steps.run('reading the backup', () => this.latest(signal)));
      await this.restore(chosen, steps);
      await this.record(id, startedAt, chosen, steps, null);
      return { id, backup: chosen.manifest.id, backupAt: chosen.manifest.snapshotAt, seconds: steps.seconds, steps: steps.done };
    } catch (error) {
      // A server that was told to stop says nothing of its backups, and neither does one that another was ahead of.
      if (signal?.aborted || (error instanceof RestoreFailed && error.code === 'RESTORE_RUNNING')) throw error;
      const message = redacted((error as Error).message, this.env).slice(0, 1_000);
      await this.record(id, startedAt, backup, steps, message);
      throw new Error(message, { cause: error });
    }
  }

  private async latest(signal: AbortSignal | undefined): Promise<Backup> {
    const ownerUrl = this.database.addresses?.ownerUrl;
    const system = ownerUrl === undefined ? null : await firstOf(ownerUrl);
    return chosenBackup('latest', backupDir(this.env), { unverified: false, system, signal });
  }

  private async restore(backup: Backup, steps: Steps): Promise<void> {
    const { addresses: urls } = this.database;
    if (!urls || !this.arrive) throw new Error('the database has not been looked for yet');
    const task = { urls, steps, arrive: this.arrive };
    const prove = (own: DatabaseUrls, arrived: Arrived) => steps.run('proving the halt', () => provenHalted(own, arrived));
    const elsewhere = this.env.BACKUP_SCRATCH_URL;
    await alone(elsewhere ?? urls.adminUrl, `${identityOf(urls.ownerUrl).database} drill`, () =>
      (backup.manifest.kind === 'dump' ? inScratch(task, backup, elsewhere, prove) : inScratchCluster({ ...task, env: this.env }, backup, prove)));
  }

  private record(id: string, startedAt: string, backup: Backup | null, { seconds, done: steps }: Steps, error: string | null): Promise<void> {
    const [name, at] = [backup?.manifest.id ?? null, backup?.manifest.snapshotAt ?? null];
    return inTransaction(this.dataSource, async (tx) => {
      await this.repository.store(tx, { id, backup: name, backup_at: at, started_at: startedAt, seconds, ok: error === null, error, steps });
      await this.events.append(tx, null, [{ type: error === null ? 'restore.drilled' : 'restore.drill_failed', subjectId: id, data: { backup: name, backupAt: at, seconds, error } }]);
      if (error === null) await this.incidents.resolve(tx, null, 'RESTORE_DRILL_FAILED', [SUBJECT], 'a later drill went well');
      else {
        await this.incidents.open(tx, null, {
          kind: 'RESTORE_DRILL_FAILED', severity: 'critical', subjectId: SUBJECT, agentId: null, data: { backup: name, error },
          summary: `A backup could not be restored${name === null ? '' : ` (${name})`}: ${error}`,
        });
      }
    });
  }
}

/** @throws when anything could be opened there */
async function provenHalted({ ownerUrl }: DatabaseUrls, { halt_id: haltId, refusesOpenings }: Arrived): Promise<void> {
  const [state] = await withClient(ownerUrl, async (client) => (await client.query<{ halted: boolean; agents: number; open: number }>(
    `select exists (select from halts where id = $1 and source = 'restore' and released_at is null and effective_at is not null) as halted,
      (select count(*) from agents a where a.retired_at is null and halt_state(a.id, a.account_id, a.mode) not in ('halted', 'flatten'))::int as agents,
      (select count(*) from agent_commands where status = 'leased' or (class = 'opens' and status in ('queued', 'waiting_for_market')))::int as open`, [haltId])).rows);
  if (state?.halted !== true || state.agents > 0) throw new Error('what was restored did not come up halted');
  if (state.open > 0) throw new Error(`what was restored has ${state.open} commands that open, or are leased`);
  if (refusesOpenings === false) throw new Error('the gate of what was restored does not refuse an opening');
}
