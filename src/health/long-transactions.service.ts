import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Incidents } from '../incidents/incidents.service.js';

interface LongTransaction { id: string; pid: number | null; application: string; user: string; state: string; seconds: number }

const LOOK_EVERY_SECONDS = 60;
const TOLD_MOST = 20;
/** What takes long by its nature and says so elsewhere. */
const EXPECTED = String.raw`^(pg_dump|pg_basebackup|tradewarden-(backup|restore|import|migrate|setup))`;

/** A transaction that nobody ends keeps vacuuming from clearing up, and may hold locks for ever: a forgotten session, or one prepared and lost. */
@Injectable()
export class LongTransactions {
  constructor(
    @Inject(ENV) private readonly env: Pick<Env, 'LONG_TRANSACTION_MINUTES'>,
    private readonly dataSource: DataSource,
    private readonly incidents: Incidents,
    schedules: Schedules,
  ) {
    schedules.every(LOOK_EVERY_SECONDS, 'database.long-transactions', () => this.look());
  }

  look(): Promise<void> {
    return inTransaction(this.dataSource, async (tx) => {
      const long = await longTransactions(tx, this.env.LONG_TRANSACTION_MINUTES);
      await this.incidents.openAll(tx, null, long.map(({ id, pid, application, user, state, seconds }) => ({
        kind: 'LONG_TRANSACTION' as const, severity: 'warning' as const, subjectId: id, agentId: null, data: { pid, application, user, state, seconds },
        summary: `A transaction of ${user}${application === '' ? '' : ` (${application})`} has been open for ${Math.floor(seconds / 60)} minutes: ${state}${pid === null ? '' : `, process ${pid}`}.`,
      })));
      const open = await tx.sql<{ subject_id: string }[]>`select subject_id from incidents where kind = 'LONG_TRANSACTION' and resolved_at is null`;
      const over = open.map(({ subject_id: id }) => id).filter((id) => !long.some((each) => each.id === id));
      await this.incidents.resolve(tx, null, 'LONG_TRANSACTION', over, 'the transaction has ended');
    });
  }
}

/** Of this database. Times of other roles' transactions are the server's to tell: it does with pg_read_all_stats; prepared ones it tells everybody. */
function longTransactions(tx: Tx, minutes: number): Promise<LongTransaction[]> {
  return tx.sql`
    select pid || ':' || extract(epoch from xact_start)::bigint as id, pid, coalesce(application_name, '') as application, usename::text as "user", state,
      floor(extract(epoch from statement_timestamp() - xact_start))::float8 as seconds
    from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid() and xact_start < statement_timestamp() - make_interval(mins => ${minutes})
      and application_name !~ ${EXPECTED}
    union all
    select 'prepared:' || left(gid, 80), null, '', owner::text, 'prepared and not ended', floor(extract(epoch from statement_timestamp() - prepared))::float8
    from pg_prepared_xacts where database = current_database() and prepared < statement_timestamp() - make_interval(mins => ${minutes})
    order by seconds desc limit ${TOLD_MOST}`;
}
