import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { lockFile } from '../../config/file-lock.js';
import { keptSecret } from '../../config/kept-secrets.js';
import { type ClusterLocation, clusterLocation, saveLocation } from './cluster-location.js';
import { createCluster } from './create-cluster.js';
import { childrenOf, whoIs } from './postgres-processes.js';
import { choosePort, hasEnded, type Postmaster, startPostmaster, whyEnded } from './postmaster.js';
import { type PostmasterFile, readPostmasterFile, removePostmasterFile } from './postmaster-file.js';
import { logPath } from './server-log.js';
import { adminUrl, close, connectTo, registerUser } from './user-lock.js';

/** A running server with our registration on it. */
export interface Acquired {
  client: pg.Client;
  adminUrl: string;
  cluster: string;
  pid: number;
  port: number;
  /** False when the server ran already. */
  started: boolean;
}

export interface AcquireOptions {
  /** Absolute. */
  dataDir: string;
  log: (line: string) => void;
  timeoutMs: number;
  /** Server settings beside ours, by name. */
  settings: Record<string, string>;
  /** Start on this port or not at all: somebody is waiting on it. */
  port?: number;
  signal?: AbortSignal;
}

const POLL_MS = 20;
const RETRY_MS = 100;
/** Backends of a killed server notice within milliseconds, unless they compute and never look. */
const ORPHANS_GRACE_MS = 500;

/** Held while a server is looked for, started or stopped, so that two processes never do that at once. */
export function startLockPath(dataDir: string): string {
  return join(dataDir, '.embedded.lock');
}

/** Finds the server of `dataDir`, or makes its cluster if there is none and starts it, and registers as a user of it. */
export async function acquire(options: AcquireOptions): Promise<Acquired> {
  const deadline = performance.now() + options.timeoutMs;
  const lock = await lockFile(startLockPath(options.dataDir), options.timeoutMs, options.signal);
  options.signal?.throwIfAborted();
  if (!lock) {
    throw new Error(
      `Another process has been starting or stopping the database in ${options.dataDir} for ${options.timeoutMs} ms`,
    );
  }
  try {
    const location = clusterLocation(options.dataDir) ?? (await createCluster(options.dataDir, options.log));
    return await new Acquisition(options, location, deadline).run();
  } finally {
    lock.release();
  }
}

class Acquisition {
  #attempt: Postmaster | null = null;
  #port: number | null = null;
  #busySince: number | null = null;
  readonly #portsTaken = new Set<number>();
  readonly #password: string;
  readonly #options: AcquireOptions;
  readonly #location: ClusterLocation;
  readonly #deadline: number;

  constructor(options: AcquireOptions, location: ClusterLocation, deadline: number) {
    this.#options = options;
    this.#location = location;
    this.#deadline = deadline;
    this.#password = keptSecret(options.dataDir, 'postgresPassword');
  }

  async run(): Promise<Acquired> {
    try {
      const acquired = await this.#adoptOrStart();
      if (acquired) return acquired;
    } catch (error) {
      // Nobody else can have registered while we hold the start lock: without us it would run for nobody.
      if (this.#attempt && !hasEnded(this.#attempt)) this.#attempt.process.kill('SIGINT');
      throw error;
    }
    // It is left running: recovery after a crash may need longer, and the next start adopts it.
    const { dataDir, timeoutMs } = this.#options;
    const status = readPostmasterFile(this.#location.cluster)?.status ?? 'not running';
    throw new Error(
      `The embedded PostgreSQL did not take connections within ${timeoutMs} ms (it says: ${status}); ` +
        `see ${logPath(dataDir)}`,
    );
  }

  async #adoptOrStart(): Promise<Acquired | null> {
    const { cluster } = this.#location;
    while (performance.now() < this.#deadline) {
      this.#options.signal?.throwIfAborted();
      const file = readPostmasterFile(cluster);
      if (file && whoIs(file.pid, cluster) !== 'other') {
        const client = file.status === 'ready' ? await this.#register(file) : null;
        if (client && file.port !== null) return this.#acquired(client, file.pid, file.port);
      } else if (!this.#attempt) {
        // A crash left the file, and PostgreSQL itself believes it if any process of ours has that id by now.
        removePostmasterFile(cluster);
        await this.#start();
      } else if (hasEnded(this.#attempt)) {
        await this.#afterFailure(this.#attempt);
        this.#attempt = null;
      }
      await sleep(POLL_MS);
    }
    return null;
  }

  async #register(file: PostmasterFile): Promise<pg.Client | null> {
    const client = await connectTo(file, this.#password);
    if (!client) return null;
    if (await registerUser(client).catch(() => false)) return client;
    await close(client);
    return null;
  }

  #acquired(client: pg.Client, pid: number, port: number): Acquired {
    const { cluster } = this.#location;
    const started = this.#attempt?.process.pid === pid;
    if (started) saveLocation(this.#options.dataDir, { cluster, port });
    return { client, adminUrl: adminUrl(port, this.#password), cluster, pid, port, started };
  }

  async #start(): Promise<void> {
    const { dataDir, settings, port: onlyPort } = this.#options;
    const { cluster, port: previous } = this.#location;
    this.#port = onlyPort ?? (await choosePort(previous, cluster, this.#portsTaken));
    this.#attempt = await startPostmaster({ dataDir, cluster, port: this.#port, settings });
  }

  async #afterFailure(attempt: Postmaster): Promise<void> {
    const why = whyEnded(attempt, this.#options.dataDir);
    if (typeof why !== 'string') throw new Error(`The embedded PostgreSQL does not start: ${why.message}`);
    if (why === 'port taken' && this.#port !== null) this.#portsTaken.add(this.#port);
    if (why === 'cluster busy') this.#endOrphans();
    await sleep(RETRY_MS);
  }

  /** The server is gone, we hold the start lock, and these still sit on its shared memory: nobody can want them. */
  #endOrphans(): void {
    this.#busySince ??= performance.now();
    const waited = performance.now() - this.#busySince;
    if (waited < ORPHANS_GRACE_MS) return;
    // SIGQUIT ends a backend at once; one that is stopped or hangs in the kernel needs SIGKILL.
    const signal = waited < 4 * ORPHANS_GRACE_MS ? 'SIGQUIT' : 'SIGKILL';
    for (const pid of childrenOf(this.#location.cluster)) {
      try {
        process.kill(pid, signal);
      } catch {
        // Ended meanwhile.
      }
    }
  }
}
