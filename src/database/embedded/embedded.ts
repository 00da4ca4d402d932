import { existsSync, realpathSync } from 'node:fs';
import { acquire, type AcquireOptions } from './acquire.js';
import { openDataDir } from './cluster-location.js';
import { EmbeddedUse } from './embedded-use.js';
import { connectToRunning } from './running.js';
import { close } from './user-lock.js';

/** The PostgreSQL of a DATA_DIR while this process uses it. A crash of the server changes `pid` and nothing else. */
export interface EmbeddedDatabase {
  /** postgres://postgres:…@127.0.0.1:port/postgres, as superuser. */
  readonly adminUrl: string;
  readonly port: number;
  readonly pid: number;
  /** False when the server ran already and was adopted. */
  readonly started: boolean;
  /** Where the data lies: DATA_DIR/postgres, or a folder under /var/lib/tradewarden. */
  readonly cluster: string;
  /**
   * Leaves the database; the last user stops it, which cuts every connection that is still open. Never throws, takes
   * at most `stopTimeoutMs` and 8 s, and does nothing the second time.
   */
  release(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 12_000;

/**
 * Uses the PostgreSQL of `dataDir`: adopts the one that runs, else starts it, making its data folder at the first
 * call. It runs apart from this process and survives it. If it crashes, it is started again on the same port until
 * `release()`. `settings` go to the server's command line if this call starts it. Throws one error that says what to
 * do when there is no database after `startTimeoutMs` (60 s, since recovery after a crash can take long). `release()`
 * waits `stopTimeoutMs` (12 s) for the server to flush and end, and then leaves it ending.
 */
export async function useEmbedded(options: {
  dataDir: string;
  log: (line: string) => void;
  startTimeoutMs?: number;
  stopTimeoutMs?: number;
  settings?: Record<string, string>;
}): Promise<EmbeddedDatabase> {
  if (process.platform === 'win32') {
    throw new Error('The embedded PostgreSQL needs Linux or macOS (on Windows: WSL); or set DATABASE_URL');
  }
  const acquireOptions: AcquireOptions = {
    dataDir: openDataDir(options.dataDir),
    log: options.log,
    timeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
    settings: options.settings ?? {},
  };
  return new EmbeddedUse(acquireOptions, options.stopTimeoutMs ?? STOP_TIMEOUT_MS, await acquire(acquireOptions));
}

/** The PostgreSQL of `dataDir` that takes connections now, or null. Starts, makes and changes nothing. */
export async function runningEmbedded(
  dataDir: string,
): Promise<{ adminUrl: string; port: number; pid: number } | null> {
  if (!existsSync(dataDir)) return null;
  const running = await connectToRunning(realpathSync(dataDir));
  if (!running) return null;
  await close(running.client);
  return { adminUrl: running.adminUrl, port: running.port, pid: running.pid };
}
