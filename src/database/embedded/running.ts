import type pg from 'pg';
import { readKeptSecret } from '../../config/kept-secrets.js';
import { clusterLocation } from './cluster-location.js';
import { whoIs } from './postgres-processes.js';
import { readPostmasterFile } from './postmaster-file.js';
import { adminUrl, connectTo } from './user-lock.js';

/** Connects to the server of `dataDir` (absolute) that takes connections now; null when there is none. */
export async function connectToRunning(
  dataDir: string,
): Promise<{ client: pg.Client; adminUrl: string; port: number; pid: number } | null> {
  const location = clusterLocation(dataDir);
  const password = readKeptSecret(dataDir, 'postgresPassword');
  if (!location || !password) return null;
  const file = readPostmasterFile(location.cluster);
  if (!file || file.port === null || file.status !== 'ready' || whoIs(file.pid, location.cluster) === 'other')
    return null;
  const client = await connectTo(file, password);
  return client && { client, adminUrl: adminUrl(file.port, password), port: file.port, pid: file.pid };
}
