import { type Job, PgBoss } from 'pg-boss';
import type { Contender } from './contenders.js';

const PAYLOAD = { note: 'bench', n: 1 };
const RESULT = { done: true };

/**
 * pg-boss in process, as its documentation shows it: `send`, `fetch`, `complete`, everything at its defaults but the
 * size of the pool, and no cron worker, which nobody here needs.
 */
export class PgBossPeer {
  private constructor(private readonly boss: PgBoss) {}

  /** @param url of a role that may make the schema `pgboss` */
  static async start(url: string, poolSize: number): Promise<PgBossPeer> {
    // It gives up on a connection after 10 s, which a busy machine can take; ours waits 30 s by itself.
    const patience = { connectionTimeoutMillis: 60_000 };
    const boss = new PgBoss({ connectionString: url, max: poolSize, application_name: 'bench-pg-boss', schedule: false, ...patience });
    boss.on('error', (error) => process.stderr.write(`pg-boss: ${error.message}\n`));
    await boss.start();
    return new PgBossPeer(boss);
  }

  /** @param queueOf one queue for all loops, or one for each */
  async contender(name: string, loops: number, queueOf: (loop: number) => string): Promise<Contender> {
    const queues = Array.from({ length: loops }, (_, loop) => queueOf(loop));
    for (const queue of new Set(queues)) await this.boss.createQueue(queue);
    return {
      name, loops,
      cycle: async (loop) => {
        const queue = queues[loop] ?? '';
        await this.boss.send(queue, PAYLOAD);
        const job = await this.fetchOne(queue);
        await this.boss.complete(queue, job.id, RESULT);
      },
    };
  }

  /**
   * With one queue for all, a loop may get another one's job, and while the jobs that it sees are being taken by others,
   * none: it asks again at once. There is one for everybody, since each sends before it fetches.
   */
  private async fetchOne(queue: string): Promise<Job<unknown>> {
    for (;;) {
      const [job] = await this.boss.fetch(queue);
      if (job) return job;
    }
  }

  stop(): Promise<void> {
    return this.boss.stop({ graceful: false });
  }
}
